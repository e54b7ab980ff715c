import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.AggregateFunction;
import org.apache.flink.api.common.serialization.AbstractDeserializationSchema;
import org.apache.flink.api.common.serialization.SerializationSchema;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.streaming.api.CheckpointingMode;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.windowing.ProcessWindowFunction;
import org.apache.flink.streaming.api.windowing.assigners.EventTimeSessionWindows;
import org.apache.flink.streaming.api.windowing.assigners.SlidingEventTimeWindows;
import org.apache.flink.streaming.api.windowing.assigners.TumblingEventTimeWindows;
import org.apache.flink.streaming.api.windowing.windows.TimeWindow;
import org.apache.flink.util.Collector;

/** BROKER QUERY GROUP CHECKPOINTS INTERVAL-MS: a query in a local cluster, from a Kafka topic into another, exactly once. */
public final class Peer {
  private static final java.time.Duration TEN = java.time.Duration.ofSeconds(10);

  public static final class Events extends AbstractDeserializationSchema<Event> {
    @Override
    public Event deserialize(byte[] json) {
      return Event.of(json);
    }
  }

  public static void main(String[] args) throws Exception {
    String query = args[1];
    Configuration settings = new Configuration();
    settings.setString("state.backend.type", "hashmap");
    settings.setString("execution.checkpointing.storage", "filesystem");
    settings.setString("execution.checkpointing.dir", "file://" + args[3]);
    settings.setString("taskmanager.numberOfTaskSlots", "1");
    // What fails says so, instead of being tried again.
    settings.setString("restart-strategy.type", "none");
    StreamExecutionEnvironment env = StreamExecutionEnvironment.createLocalEnvironment(1, settings);
    env.enableCheckpointing(Long.parseLong(args[4]), CheckpointingMode.EXACTLY_ONCE);
    env.getConfig().enableObjectReuse();
    KafkaSource<Event> source =
        KafkaSource.<Event>builder()
            .setBootstrapServers(args[0])
            .setTopics("nexmark")
            .setGroupId(args[2])
            .setStartingOffsets(OffsetsInitializer.earliest())
            .setValueOnlyDeserializer(new Events())
            .build();
    DataStream<Event> events =
        env.fromSource(
            source,
            WatermarkStrategy.<Event>forMonotonousTimestamps().withTimestampAssigner((e, before) -> e.dateTime),
            "nexmark");
    sink(build(events, query), args[0], args[2]);
    env.execute(query);
  }

  private static void sink(DataStream<byte[]> rows, String broker, String group) {
    rows.sinkTo(
        KafkaSink.<byte[]>builder()
            .setBootstrapServers(broker)
            .setDeliveryGuarantee(DeliveryGuarantee.EXACTLY_ONCE)
            .setTransactionalIdPrefix(group)
            .setProperty("transaction.timeout.ms", "600000")
            .setRecordSerializer(
                KafkaRecordSerializationSchema.<byte[]>builder()
                    .setTopic(group + "-out")
                    .setValueSerializationSchema((SerializationSchema<byte[]>) row -> row)
                    .build())
            .build());
  }

  private static DataStream<byte[]> build(DataStream<Event> events, String query) {
    DataStream<Event> bids = events.filter(Event::isBid);
    return switch (query) {
      case "q0" -> bids.map(e -> Event.write(new Rows.Copy(e.auction, e.bidder, e.price, e.dateTime, e.extra)));
      case "q1" -> bids.map(
          e -> Event.write(new Rows.InEuros(e.auction, e.bidder, e.price * 908 / 1000.0, e.dateTime, e.extra)));
      case "q2" -> bids.filter(e -> e.auction % 123 == 0).map(e -> Event.write(new Rows.Some(e.auction, e.price)));
      case "q5" -> q5(bids);
      case "q7" -> q7(bids);
      case "q8" -> q8(events.filter(e -> !e.isBid() && !e.isEnd()));
      case "q11" -> q11(bids);
      default -> throw new IllegalArgumentException(query);
    };
  }

  public static final class Count implements AggregateFunction<Event, Long, Long> {
    public Long createAccumulator() {
      return 0L;
    }

    public Long add(Event event, Long count) {
      return count + 1;
    }

    public Long getResult(Long count) {
      return count;
    }

    public Long merge(Long a, Long b) {
      return a + b;
    }
  }

  public static final class Counted extends ProcessWindowFunction<Long, long[], Long, TimeWindow> {
    @Override
    public void process(Long key, Context context, Iterable<Long> counts, Collector<long[]> out) {
      TimeWindow window = context.window();
      out.collect(new long[] {key, counts.iterator().next(), window.getStart(), window.getEnd()});
    }
  }

  public static final class Hottest implements AggregateFunction<long[], Rows.Top, Rows.Top> {
    public Rows.Top createAccumulator() {
      return new Rows.Top();
    }

    public Rows.Top add(long[] row, Rows.Top top) {
      return top.add(row[0], row[1]);
    }

    public Rows.Top getResult(Rows.Top top) {
      return top;
    }

    public Rows.Top merge(Rows.Top a, Rows.Top b) {
      for (long auction : b.auctions) a.add(auction, b.bids);
      return a;
    }
  }

  public static final class HottestRows extends ProcessWindowFunction<Rows.Top, byte[], Long, TimeWindow> {
    @Override
    public void process(Long end, Context context, Iterable<Rows.Top> tops, Collector<byte[]> out) {
      Rows.Top top = tops.iterator().next();
      for (long auction : top.auctions) out.collect(Event.write(new Rows.Hot(auction, top.bids, end)));
    }
  }

  private static DataStream<byte[]> q5(DataStream<Event> bids) {
    SingleOutputStreamOperator<long[]> counts =
        bids.keyBy(e -> e.auction, TypeInformation.of(Long.class))
            .window(SlidingEventTimeWindows.of(TEN, java.time.Duration.ofSeconds(2)))
            .aggregate(new Count(), new Counted());
    return counts
        .keyBy(row -> row[3], TypeInformation.of(Long.class))
        .window(TumblingEventTimeWindows.of(java.time.Duration.ofSeconds(2)))
        .aggregate(new Hottest(), new HottestRows());
  }

  public static final class BestOf implements AggregateFunction<Event, Rows.Best, Rows.Best> {
    public Rows.Best createAccumulator() {
      return new Rows.Best();
    }

    public Rows.Best add(Event bid, Rows.Best best) {
      return best.add(new Rows.Shown(bid.auction, bid.bidder, bid.price, bid.dateTime));
    }

    public Rows.Best getResult(Rows.Best best) {
      return best;
    }

    public Rows.Best merge(Rows.Best a, Rows.Best b) {
      for (Rows.Shown bid : b.inside) a.add(bid);
      a.edges.addAll(b.edges);
      return a;
    }
  }

  public static final class BestRows extends ProcessWindowFunction<Rows.Best, byte[], Long, TimeWindow> {
    @Override
    public void process(Long key, Context context, Iterable<Rows.Best> all, Collector<byte[]> out) {
      for (Rows.Highest row : all.iterator().next().result(context.window().getStart())) out.collect(Event.write(row));
    }
  }

  private static DataStream<byte[]> q7(DataStream<Event> bids) {
    return bids.keyBy(e -> 0L, TypeInformation.of(Long.class))
        .window(SlidingEventTimeWindows.of(java.time.Duration.ofMillis(10_001), TEN))
        .aggregate(new BestOf(), new BestRows());
  }

  public static final class BothOf implements AggregateFunction<Event, Rows.Both, Rows.Both> {
    public Rows.Both createAccumulator() {
      return new Rows.Both();
    }

    public Rows.Both add(Event event, Rows.Both both) {
      if (event.kind.equals("person")) both.name = event.name;
      else both.sells = true;
      return both;
    }

    public Rows.Both getResult(Rows.Both both) {
      return both;
    }

    public Rows.Both merge(Rows.Both a, Rows.Both b) {
      if (a.name == null) a.name = b.name;
      a.sells |= b.sells;
      return a;
    }
  }

  public static final class Sellers extends ProcessWindowFunction<Rows.Both, byte[], Long, TimeWindow> {
    @Override
    public void process(Long id, Context context, Iterable<Rows.Both> all, Collector<byte[]> out) {
      Rows.Both both = all.iterator().next();
      if (both.name == null || !both.sells) return;
      out.collect(Event.write(new Rows.Seller(id, both.name, context.window().getStart())));
    }
  }

  private static DataStream<byte[]> q8(DataStream<Event> arrivals) {
    return arrivals
        .keyBy(e -> e.kind.equals("person") ? e.id : e.seller, TypeInformation.of(Long.class))
        .window(TumblingEventTimeWindows.of(TEN))
        .aggregate(new BothOf(), new Sellers());
  }

  private static DataStream<byte[]> q11(DataStream<Event> bids) {
    return bids.keyBy(e -> e.bidder, TypeInformation.of(Long.class))
        .window(EventTimeSessionWindows.withGap(TEN))
        .aggregate(new Count(), new Counted())
        // A session ends a gap behind its last row, as the query asks.
        .map(row -> Event.write(new Rows.Visit(row[0], row[1], row[2], row[3])));
  }
}
