import java.lang.reflect.Field;
import sun.misc.Unsafe;

/** The ways from Java to malloc that are not a stream or a buffer. */
final class Native {
    static final Unsafe UNSAFE = unsafe();

    private Native() {
    }

    /**
     * A request of native code: allocates, frees most of it, leaves some blocks to later requests
     * (see tails.c).
     */
    static native void request(long seed);

    /** Frees what requests have left. */
    static native void release();

    static native long askedBytes();

    static native long liveBytes();

    private static Unsafe unsafe() {
        try {
            Field field = Unsafe.class.getDeclaredField("theUnsafe");
            field.setAccessible(true);
            return (Unsafe) field.get(null);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }
}
