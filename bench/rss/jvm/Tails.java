import java.util.SplittableRandom;

/** Requests of native code whose blocks have long-tailed lifetimes: see tails.c. */
final class Tails implements Load {
    Tails() {
        System.loadLibrary("tails");
    }

    @Override
    public void operate(SplittableRandom random) {
        Native.request(random.nextLong());
    }

    @Override
    public void release() {
        Native.release();
    }

    @Override
    public boolean isClean() {
        return liveBytes() == 0;
    }

    @Override
    public long liveBytes() {
        return Native.liveBytes();
    }

    @Override
    public long askedBytes() {
        return Native.askedBytes();
    }
}
