/**
 * A load: what the threads of {@link JvmLoad} do, each operation once and no more.
 *
 * <p>All that a load decides comes from the random numbers it is handed, so that two runs ask
 * malloc for the same blocks; only their order across threads differs.
 */
interface Load {
    /** One operation of one thread; any number of threads at once. */
    void operate(java.util.SplittableRandom random);

    /** Drops all that is still held: frees what the program frees, forgets what the collector does. */
    void release();

    /** Whether all that was dropped has been freed, as far as it can be counted. */
    default boolean isClean() {
        return true;
    }

    /** Bytes asked of malloc that are live; 0 where only the collector knows. */
    long liveBytes();

    /** Bytes asked of malloc since the program began, as far as the load counts them. */
    long askedBytes();
}
