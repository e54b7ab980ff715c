import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.Serializer;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.EmitStrategy;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.SessionWindows;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.processor.api.ContextualProcessor;
import org.apache.kafka.streams.processor.api.Record;

/** The queries in the Streams DSL. Windows emit when they close. */
public final class Queries {
  private Queries() {}

  private static final Serde<Long> LONG = Serdes.Long();
  private static final Serde<String> STRING = Serdes.String();
  /** The key of the rows that only move time; windows of it are left out. */
  private static final long TICK = -1;
  private static final Duration ZERO = Duration.ZERO;
  private static final Duration TEN = Duration.ofSeconds(10);

  static <T> Serde<T> json(Class<T> type) {
    Serializer<T> write = (topic, row) -> row == null ? null : Event.write(row);
    Deserializer<T> read =
        (topic, bytes) -> {
          try {
            return bytes == null ? null : Event.MAPPER.readValue(bytes, type);
          } catch (java.io.IOException e) {
            throw new RuntimeException(e);
          }
        };
    return Serdes.serdeFrom(write, read);
  }

  /** Stream time follows rows: the end goes through as three of them, so that what it closes closes what follows, too. */
  static final class Ticks extends ContextualProcessor<byte[], Event, byte[], Event> {
    @Override
    public void process(Record<byte[], Event> row) {
      context().forward(row);
      if (!row.value().isEnd()) return;
      for (int hours = 1; hours < 3; hours++) {
        context().forward(row.withTimestamp(row.timestamp() + hours * 3_600_000L));
      }
    }
  }

  /** Gives a row another time. */
  static final class At<K, V> extends ContextualProcessor<K, V, K, V> {
    private final java.util.function.ToLongFunction<K> time;

    At(java.util.function.ToLongFunction<K> time) {
      this.time = time;
    }

    @Override
    public void process(Record<K, V> row) {
      context().forward(row.withTimestamp(time.applyAsLong(row.key())));
    }
  }

  static void build(StreamsBuilder builder, String query, String out) {
    KStream<byte[], Event> events =
        builder.stream(
            "nexmark",
            Consumed.with(Serdes.ByteArray(), json(Event.class))
                .withTimestampExtractor((row, before) -> ((Event) row.value()).dateTime));
    KStream<byte[], Event> bids = events.filter((k, e) -> e.isBid());
    KStream<byte[], Event> ticking = events.process(Ticks::new);
    switch (query) {
      case "q0" ->
          bids.mapValues(e -> new Rows.Copy(e.auction, e.bidder, e.price, e.dateTime, e.extra))
              .to(out, Produced.valueSerde(json(Rows.Copy.class)));
      case "q1" ->
          bids.mapValues(e -> new Rows.InEuros(e.auction, e.bidder, e.price * 908 / 1000.0, e.dateTime, e.extra))
              .to(out, Produced.valueSerde(json(Rows.InEuros.class)));
      case "q2" ->
          bids.filter((k, e) -> e.auction % 123 == 0)
              .mapValues(e -> new Rows.Some(e.auction, e.price))
              .to(out, Produced.valueSerde(json(Rows.Some.class)));
      case "q5" -> q5(ticking).to(out, Produced.with(LONG, json(Rows.Hot.class)));
      case "q7" -> q7(ticking).to(out, Produced.with(LONG, json(Rows.Highest.class)));
      case "q8" -> q8(ticking).to(out, Produced.with(LONG, json(Rows.Seller.class)));
      case "q11" -> q11(ticking).to(out, Produced.with(LONG, json(Rows.Visit.class)));
      case "q17" -> q17(bids).to(out, Produced.with(STRING, json(Rows.PerDay.class)));
      case "q18" -> q18(bids).to(out, Produced.with(STRING, json(Rows.Last.class)));
      default -> throw new IllegalArgumentException(query);
    }
  }

  private static KStream<Long, String> byAuction(KStream<byte[], Event> ticking) {
    return ticking
        .filter((k, e) -> e.isBid() || e.isEnd())
        .map((k, e) -> KeyValue.pair(e.isEnd() ? TICK : e.auction, ""));
  }

  private static KStream<Long, Rows.Hot> q5(KStream<byte[], Event> ticking) {
    return byAuction(ticking)
        .groupByKey(Grouped.with(LONG, STRING))
        .windowedBy(TimeWindows.ofSizeAndGrace(TEN, ZERO).advanceBy(Duration.ofSeconds(2)))
        .emitStrategy(EmitStrategy.onWindowClose())
        .count(Materialized.with(LONG, LONG))
        .toStream()
        .map((w, n) -> KeyValue.pair(w.window().end(), w.key() + " " + n))
        .process(() -> new At<Long, String>(end -> end - 1))
        .groupByKey(Grouped.with(LONG, STRING))
        .windowedBy(TimeWindows.ofSizeAndGrace(Duration.ofSeconds(2), ZERO))
        .emitStrategy(EmitStrategy.onWindowClose())
        .aggregate(
            Rows.Top::new,
            (end, row, top) -> {
              int space = row.indexOf(' ');
              return top.add(Long.parseLong(row.substring(0, space)), Long.parseLong(row.substring(space + 1)));
            },
            Materialized.with(LONG, json(Rows.Top.class)))
        .toStream()
        .flatMap(
            (w, top) -> {
              List<KeyValue<Long, Rows.Hot>> rows = new ArrayList<>();
              for (long auction : top.auctions) {
                if (auction != TICK) rows.add(KeyValue.pair(auction, new Rows.Hot(auction, top.bids, w.key())));
              }
              return rows;
            });
  }

  private static KStream<Long, Rows.Highest> q7(KStream<byte[], Event> ticking) {
    return ticking
        .filter((k, e) -> e.isBid() || e.isEnd())
        .map((k, e) -> KeyValue.pair(0L, new Rows.Shown(e.auction, e.bidder, e.price, e.dateTime)))
        .groupByKey(Grouped.with(LONG, json(Rows.Shown.class)))
        .windowedBy(TimeWindows.ofSizeAndGrace(Duration.ofMillis(10_001), ZERO).advanceBy(TEN))
        .emitStrategy(EmitStrategy.onWindowClose())
        .aggregate(Rows.Best::new, (k, bid, best) -> best.add(bid), Materialized.with(LONG, json(Rows.Best.class)))
        .toStream()
        .flatMap(
            (w, best) -> {
              List<KeyValue<Long, Rows.Highest>> rows = new ArrayList<>();
              for (Rows.Highest row : best.result(w.window().start())) {
                if (row.price() > 0) rows.add(KeyValue.pair(row.auction(), row));
              }
              return rows;
            });
  }

  private static KStream<Long, Rows.Seller> q8(KStream<byte[], Event> ticking) {
    return ticking
        .filter((k, e) -> !e.isBid())
        .map((k, e) -> KeyValue.pair(e.isEnd() ? TICK : e.kind.equals("person") ? e.id : e.seller, e.name == null ? "" : e.name))
        .groupByKey(Grouped.with(LONG, STRING))
        .windowedBy(TimeWindows.ofSizeAndGrace(TEN, ZERO))
        .emitStrategy(EmitStrategy.onWindowClose())
        .aggregate(
            Rows.Both::new,
            (id, name, both) -> {
              if (name.isEmpty()) both.sells = true;
              else both.name = name;
              return both;
            },
            Materialized.with(LONG, json(Rows.Both.class)))
        .toStream()
        .filter((w, both) -> both.name != null && both.sells)
        .map((w, both) -> KeyValue.pair(w.key(), new Rows.Seller(w.key(), both.name, w.window().start())));
  }

  private static KStream<Long, Rows.Visit> q11(KStream<byte[], Event> ticking) {
    return ticking
        .filter((k, e) -> e.isBid() || e.isEnd())
        .map((k, e) -> KeyValue.pair(e.isEnd() ? TICK : e.bidder, ""))
        .groupByKey(Grouped.with(LONG, STRING))
        .windowedBy(SessionWindows.ofInactivityGapAndGrace(TEN, ZERO))
        .emitStrategy(EmitStrategy.onWindowClose())
        .count(Materialized.with(LONG, LONG))
        .toStream()
        .filter((w, n) -> w.key() != TICK)
        .map(
            (w, n) ->
                KeyValue.pair(w.key(), new Rows.Visit(w.key(), n, w.window().start(), w.window().end() + 10_000)));
  }

  private static KStream<String, Rows.PerDay> q17(KStream<byte[], Event> bids) {
    return bids.map((k, e) -> KeyValue.pair(e.auction + " " + e.dateTime / 86_400_000 * 86_400_000, e.price))
        .groupByKey(Grouped.with(STRING, LONG))
        .aggregate(Rows.PerDay::new, (key, price, day) -> day.add(key, price), Materialized.with(STRING, json(Rows.PerDay.class)))
        .toStream();
  }

  private static KStream<String, Rows.Last> q18(KStream<byte[], Event> bids) {
    return bids.map(
            (k, e) ->
                KeyValue.pair(
                    e.bidder + " " + e.auction,
                    new Rows.Last(e.kind, e.auction, e.bidder, e.price, e.channel, e.url, e.dateTime, e.extra)))
        .groupByKey(Grouped.with(STRING, json(Rows.Last.class)))
        .reduce((a, b) -> b.dateTime() >= a.dateTime() ? b : a, Materialized.with(STRING, json(Rows.Last.class)))
        .toStream();
  }
}
