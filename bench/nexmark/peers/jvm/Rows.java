import java.util.ArrayList;
import java.util.List;

/** Rows of results and of state, as Jackson writes them. */
public final class Rows {
  private Rows() {}

  public record Copy(long auction, long bidder, long price, long dateTime, String extra) {}

  public record InEuros(long auction, long bidder, double price, long dateTime, String extra) {}

  public record Some(long auction, long price) {}

  public record Hot(long auction, long bids, long end) {}

  public record Shown(long auction, long bidder, long price, long dateTime) {}

  public record Highest(long auction, long bidder, long price, long dateTime, long end) {}

  public record Seller(long id, String name, long start) {}

  public record Visit(long bidder, long bids, long start, long end) {}

  public record Last(
      String kind, long auction, long bidder, long price, String channel, String url, long dateTime, String extra) {}

  public static final class Top {
    public long bids;
    public List<Long> auctions = new ArrayList<>();

    public Top add(long auction, long count) {
      if (count > bids) {
        bids = count;
        auctions.clear();
      }
      if (count == bids) auctions.add(auction);
      return this;
    }
  }

  /** The highest of a window; milliseconds that may belong to the one before are kept apart. */
  public static final class Best {
    public static final long SIZE = 10_000;
    public List<Shown> inside = new ArrayList<>();
    public List<Shown> edges = new ArrayList<>();

    public Best add(Shown bid) {
      if (bid.dateTime() % SIZE == 0) {
        edges.add(bid);
        return this;
      }
      long price = inside.isEmpty() ? 0 : inside.get(0).price();
      if (bid.price() > price) inside.clear();
      if (bid.price() >= price) inside.add(bid);
      return this;
    }

    public List<Highest> result(long start) {
      long most = 0;
      for (Shown bid : inside) most = Math.max(most, bid.price());
      for (Shown bid : edges) if (bid.dateTime() == start) most = Math.max(most, bid.price());
      List<Highest> rows = new ArrayList<>();
      List<Shown> all = new ArrayList<>(inside);
      all.addAll(edges);
      for (Shown bid : all) {
        if (bid.price() == most) {
          rows.add(new Highest(bid.auction(), bid.bidder(), bid.price(), bid.dateTime(), start + SIZE));
        }
      }
      return rows;
    }
  }

  public static final class Both {
    public String name;
    public boolean sells;
  }

  public static final class PerDay {
    public String key;
    public long bids;
    public long low;
    public long middle;
    public long high;
    public long least = Long.MAX_VALUE;
    public long most;
    public long sum;

    public PerDay add(String key, long price) {
      this.key = key;
      bids++;
      if (price < 10_000) low++;
      else if (price < 1_000_000) middle++;
      else high++;
      least = Math.min(least, price);
      most = Math.max(most, price);
      sum += price;
      return this;
    }
  }
}
