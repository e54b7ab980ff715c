import java.io.BufferedOutputStream;
import java.io.BufferedReader;
import java.io.FileOutputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ListOffsetsOptions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.IsolationLevel;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;

/**
 * load BROKER FILE | run BROKER QUERY APP STATE | watch BROKER APP | dump BROKER TOPIC FILE. Output goes to the topic
 * APP-out. Watching prints "position output" whenever they change: the committed position in the input, and the end of
 * the output as committed.
 */
public final class Peer {
  public static void main(String[] args) throws Exception {
    switch (args[0]) {
      case "load" -> load(args[1], args[2]);
      case "run" -> run(args[1], args[2], args[3], args[4]);
      case "watch" -> watch(args[1], args[2]);
      case "dump" -> dump(args[1], args[2], args[3]);
      default -> throw new IllegalArgumentException(args[0]);
    }
  }

  static void load(String broker, String file) throws Exception {
    try (Admin admin = Admin.create(Map.of("bootstrap.servers", broker))) {
      admin.createTopics(List.of(new NewTopic("nexmark", 1, (short) 1))).all().get();
    }
    Map<String, Object> settings =
        Map.of("bootstrap.servers", broker, "acks", "all", "linger.ms", 20, "batch.size", 262_144);
    try (KafkaProducer<byte[], byte[]> producer =
            new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer());
        BufferedReader lines = Files.newBufferedReader(Path.of(file))) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        producer.send(new ProducerRecord<>("nexmark", 0, null, line.getBytes(StandardCharsets.UTF_8)));
      }
    }
  }

  static void run(String broker, String query, String app, String state) throws Exception {
    try (Admin admin = Admin.create(Map.of("bootstrap.servers", broker))) {
      createOutput(admin, app + "-out");
    }
    Properties settings = new Properties();
    settings.put(StreamsConfig.APPLICATION_ID_CONFIG, app);
    settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, broker);
    settings.put(StreamsConfig.STATE_DIR_CONFIG, state);
    settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
    settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 100);
    settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 1);
    settings.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
    settings.put("auto.offset.reset", "earliest");
    // Windows are looked at with each row and not once a second, so that the last ones close.
    settings.put(StreamsConfig.InternalConfig.EMIT_INTERVAL_MS_KSTREAMS_WINDOWED_AGGREGATION, 0);
    StreamsBuilder builder = new StreamsBuilder();
    Queries.build(builder, query, app + "-out");
    KafkaStreams streams = new KafkaStreams(builder.build(settings), settings);
    streams.setUncaughtExceptionHandler(
        (thrown) -> {
          thrown.printStackTrace();
          Runtime.getRuntime().halt(1);
          return null;
        });
    Runtime.getRuntime().addShutdownHook(new Thread(() -> streams.close(Duration.ofSeconds(5))));
    streams.start();
  }

  static void createOutput(Admin admin, String topic) throws Exception {
    try {
      admin.createTopics(List.of(new NewTopic(topic, 1, (short) 1))).all().get();
    } catch (ExecutionException e) {
      if (!(e.getCause() instanceof org.apache.kafka.common.errors.TopicExistsException)) throw e;
    }
  }

  static void watch(String broker, String group) throws Exception {
    TopicPartition input = new TopicPartition("nexmark", 0);
    TopicPartition output = new TopicPartition(group + "-out", 0);
    String last = "";
    try (Admin admin = Admin.create(Map.of("bootstrap.servers", broker))) {
      createOutput(admin, group + "-out");
      while (true) {
        Thread.sleep(50);
        OffsetAndMetadata at =
            admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get().get(input);
        long end =
            admin
                .listOffsets(Map.of(output, OffsetSpec.latest()), new ListOffsetsOptions(IsolationLevel.READ_COMMITTED))
                .partitionResult(output)
                .get()
                .offset();
        String now = (at == null ? 0 : at.offset()) + " " + end;
        if (!now.equals(last)) System.out.println(now);
        last = now;
      }
    }
  }

  static void dump(String broker, String topic, String file) throws Exception {
    TopicPartition from = new TopicPartition(topic, 0);
    Map<String, Object> settings =
        Map.of("bootstrap.servers", broker, "isolation.level", "read_committed", "auto.offset.reset", "earliest");
    try (KafkaConsumer<byte[], byte[]> consumer =
            new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer());
        OutputStream out = new BufferedOutputStream(new FileOutputStream(file))) {
      consumer.assign(List.of(from));
      long end = consumer.endOffsets(List.of(from)).get(from);
      consumer.seekToBeginning(List.of(from));
      while (consumer.position(from) < end) {
        for (ConsumerRecord<byte[], byte[]> row : consumer.poll(Duration.ofMillis(200))) {
          out.write(row.value());
          out.write('\n');
        }
      }
    }
  }
}
