import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectReader;
import java.io.IOException;

/** Any event of the input; fields that its kind does not have stay empty. */
@JsonIgnoreProperties(ignoreUnknown = true)
public class Event {
  public static final ObjectMapper MAPPER = new ObjectMapper();
  private static final ObjectReader READER = MAPPER.readerFor(Event.class);

  public String kind = "";
  public long id;
  public String name;
  public long seller;
  public long auction;
  public long bidder;
  public long price;
  public String channel;
  public String url;
  public long dateTime;
  public String extra;

  public static Event of(byte[] json) {
    try {
      return READER.readValue(json);
    } catch (IOException e) {
      throw new RuntimeException(e);
    }
  }

  public static byte[] write(Object row) {
    try {
      return MAPPER.writeValueAsBytes(row);
    } catch (IOException e) {
      throw new RuntimeException(e);
    }
  }

  public boolean isBid() {
    return kind.equals("bid");
  }

  public boolean isEnd() {
    return kind.equals("end");
  }
}
