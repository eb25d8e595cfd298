import java.lang.management.BufferPoolMXBean;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.concurrent.atomic.LongAdder;

/**
 * Direct buffers. One operation in eight uses a buffer and drops it for the collector; the others
 * put theirs into a pool that all threads share, and free what stood there, at once, as network
 * libraries do: mostly another thread's.
 */
final class Direct implements Load {
    private static final int POOL = 2048; // a power of two
    private static final int HEAP_COPY = 8 << 10;

    private final AtomicReferenceArray<ByteBuffer> pool = new AtomicReferenceArray<>(POOL);
    private final Sizes sizes = new Sizes(4 << 10, 1 << 20);
    private final LongAdder asked = new LongAdder();
    private final BufferPoolMXBean counts = ManagementFactory.getPlatformMXBeans(BufferPoolMXBean.class)
            .stream().filter(bean -> bean.getName().equals("direct")).findFirst().orElseThrow();
    /** The JDK has some of its own. */
    private final long countBefore = counts.getCount();

    @Override
    public void operate(SplittableRandom random) {
        int size = sizes.next(random);
        ByteBuffer buffer = ByteBuffer.allocateDirect(size);
        asked.add(size);
        // The bytes come from and go to the Java heap, which is what makes garbage.
        byte[] bytes = new byte[Math.min(size, HEAP_COPY)];
        bytes[bytes.length - 1] = (byte) size;
        buffer.put(bytes).flip();
        buffer.get(bytes);
        if (bytes[bytes.length - 1] != (byte) size) {
            throw new IllegalStateException("a direct buffer of " + size + " bytes changed");
        }
        if (random.nextInt(8) == 0) {
            return;
        }
        free(pool.getAndSet(random.nextInt() & (POOL - 1), buffer));
    }

    private static void free(ByteBuffer buffer) {
        if (buffer != null) {
            Native.UNSAFE.invokeCleaner(buffer);
        }
    }

    /** Left to the collector, all of them. */
    @Override
    public void release() {
        for (int i = 0; i < POOL; i++) {
            pool.set(i, null);
        }
    }

    @Override
    public boolean isClean() {
        return counts.getCount() <= countBefore;
    }

    @Override
    public long liveBytes() {
        return counts.getMemoryUsed();
    }

    @Override
    public long askedBytes() {
        return asked.sum();
    }
}
