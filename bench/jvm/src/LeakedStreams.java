import io.netty.buffer.ByteBuf;
import io.netty.buffer.PooledByteBufAllocator;
import java.util.ArrayDeque;
import java.util.SplittableRandom;
import java.util.concurrent.ConcurrentLinkedQueue;

/**
 * Streams on netty's pooled buffers, some of which are never ended: what they hold keeps whole
 * chunks of the pool. An operation is a stream that collects parts, joins them, and releases all;
 * leaked ones are dropped by a timeout, a wave later.
 */
final class LeakedStreams implements Workload {
    private static final int MOST_PARTS = 24;
    private static final int PAGE_BYTES = 8192;
    private static final int CHUNK_ORDER = 9; // chunks of 4 MiB
    private static final int ARENAS = 4;

    private final Text text = new Text(1 << 20);
    private final Sizes lengths = new Sizes(256, 64 << 10);
    private final ConcurrentLinkedQueue<ByteBuf> leaked = new ConcurrentLinkedQueue<>();
    private final ArrayDeque<ByteBuf> timedOut = new ArrayDeque<>();
    private PooledByteBufAllocator pool;
    private int leakedOf1000;

    @Override
    public void open(Settings settings) {
        leakedOf1000 = settings.number("leaked_of_1000", 10);
        pool = new PooledByteBufAllocator(true, 0, ARENAS, PAGE_BYTES, CHUNK_ORDER, 64, 32, false);
    }

    @Override
    public void operate(SplittableRandom random) {
        ByteBuf[] parts = new ByteBuf[1 + random.nextInt(MOST_PARTS)];
        int total = 0;
        for (int i = 0; i < parts.length; i++) {
            int length = lengths.next(random);
            parts[i] = pool.directBuffer(length);
            parts[i].writeBytes(text.bytes(), text.from(random, length), length);
            total += length;
        }
        ByteBuf whole = pool.directBuffer(total);
        for (ByteBuf part : parts) {
            whole.writeBytes(part);
        }
        if (whole.readableBytes() != total) {
            throw new IllegalStateException("joined " + whole.readableBytes() + " of " + total);
        }
        boolean isLeaked = random.nextInt(1000) < leakedOf1000;
        for (ByteBuf part : parts) {
            if (isLeaked && random.nextInt(4) == 0) {
                leaked.add(part.readerIndex(0));
            } else {
                part.release();
            }
        }
        whole.release();
    }

    /** A timeout ends what was leaked before the last wave. */
    @Override
    public void calm() {
        timedOut.forEach(ByteBuf::release);
        timedOut.clear();
        for (ByteBuf one = leaked.poll(); one != null; one = leaked.poll()) {
            timedOut.add(one);
        }
    }

    @Override
    public void release() {
        calm();
        calm();
    }
}
