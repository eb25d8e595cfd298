import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.atomic.LongAdder;

/**
 * Blocks of Unsafe.allocateMemory: small ones by the dozen, and larger ones among them. An
 * operation allocates a handful, frees half of it, and puts the rest where all threads put theirs,
 * freeing what stood there: another thread's, most of the time.
 */
final class UnsafeMix implements Load {
    private static final int SMALL_POOL = 1 << 16;
    private static final int LARGE_POOL = 1 << 12;
    private static final int SMALLS = 12;
    private static final int PAGE = 4096;

    private final AtomicLongArray smallPool = new AtomicLongArray(SMALL_POOL);
    private final AtomicLongArray largePool = new AtomicLongArray(LARGE_POOL);
    private final Sizes smalls = new Sizes(16, 8 << 10);
    private final Sizes larges = new Sizes(8 << 10, 512 << 10);
    private final LongAdder asked = new LongAdder();
    private final LongAdder freed = new LongAdder();

    @Override
    public void operate(SplittableRandom random) {
        for (int i = 0; i < SMALLS; i++) {
            use(smalls.next(random), smallPool, random);
        }
        use(larges.next(random), largePool, random);
    }

    private void use(int size, AtomicLongArray pool, SplittableRandom random) {
        long block = Native.UNSAFE.allocateMemory(size);
        asked.add(size);
        Native.UNSAFE.putLong(block, size);
        for (int at = PAGE; at < size; at += PAGE) {
            Native.UNSAFE.putByte(block + at, (byte) at);
        }
        boolean isKept = random.nextBoolean();
        int slot = random.nextInt() & (pool.length() - 1);
        free(isKept ? pool.getAndSet(slot, block) : block);
    }

    private void free(long block) {
        if (block != 0) {
            freed.add(Native.UNSAFE.getLong(block));
            Native.UNSAFE.freeMemory(block);
        }
    }

    @Override
    public void release() {
        for (AtomicLongArray pool : new AtomicLongArray[] {smallPool, largePool}) {
            for (int i = 0; i < pool.length(); i++) {
                free(pool.getAndSet(i, 0));
            }
        }
    }

    @Override
    public boolean isClean() {
        return liveBytes() == 0;
    }

    @Override
    public long liveBytes() {
        return asked.sum() - freed.sum();
    }

    @Override
    public long askedBytes() {
        return asked.sum();
    }
}
