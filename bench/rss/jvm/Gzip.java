import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.LongAdder;
import java.util.zip.Deflater;
import java.util.zip.GZIPInputStream;
import java.util.zip.GZIPOutputStream;

/**
 * Gzip streams, half of which are never closed: their zlib states wait for the collector. An
 * operation packs a text and unpacks it again.
 */
final class Gzip implements Load {
    private static final int ALL_TEXT = 1 << 20;
    /** What zlib asks for: a Deflater's and an Inflater's state with their windows and tables. */
    private static final int DEFLATER_BYTES = 112 + 5952 + 4 * 65536;
    private static final int INFLATER_BYTES = 112 + 7160 + 32768;

    private final byte[] text = text();
    private final Sizes lengths = new Sizes(1 << 10, 32 << 10);
    private final LongAdder asked = new LongAdder();

    /** A stream at the fastest level: the allocator's part of the work is not drowned in zlib's. */
    private static final class Packer extends GZIPOutputStream {
        Packer(ByteArrayOutputStream out) throws IOException {
            super(out);
            def.setLevel(Deflater.BEST_SPEED);
        }
    }

    @Override
    public void operate(SplittableRandom random) {
        int length = lengths.next(random);
        int from = random.nextInt(ALL_TEXT - length);
        boolean isClosed = random.nextBoolean();
        try {
            byte[] packed = pack(from, length, isClosed);
            unpack(packed, length, isClosed);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        asked.add(DEFLATER_BYTES + INFLATER_BYTES);
    }

    private byte[] pack(int from, int length, boolean isClosed) throws IOException {
        ByteArrayOutputStream packed = new ByteArrayOutputStream(length);
        Packer out = new Packer(packed);
        out.write(text, from, length);
        out.finish();
        if (isClosed) {
            out.close();
        }
        return packed.toByteArray();
    }

    private static void unpack(byte[] packed, int length, boolean isClosed) throws IOException {
        GZIPInputStream in = new GZIPInputStream(new ByteArrayInputStream(packed), 4096);
        byte[] buffer = new byte[4096];
        int got = 0;
        for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
            got += n;
        }
        if (got != length) {
            throw new IllegalStateException("gzip gave back " + got + " of " + length + " bytes");
        }
        if (isClosed) {
            in.close();
        }
    }

    /** Text that packs to about a third, as logs and JSON do. */
    private static byte[] text() {
        SplittableRandom random = new SplittableRandom(1);
        byte[][] words = new byte[500][];
        for (int i = 0; i < words.length; i++) {
            words[i] = new byte[2 + random.nextInt(12)];
            for (int j = 0; j < words[i].length; j++) {
                words[i][j] = (byte) ('a' + random.nextInt(26));
            }
        }
        byte[] text = new byte[ALL_TEXT];
        for (int at = 0; at < text.length;) {
            for (byte letter : words[random.nextInt(words.length)]) {
                if (at < text.length) {
                    text[at++] = letter;
                }
            }
        }
        return text;
    }

    @Override
    public void release() {
        // Nothing is held: streams that were not closed were dropped by their operations.
    }

    /** Unknown: only the collector knows which of the dropped streams are still there. */
    @Override
    public long liveBytes() {
        return 0;
    }

    @Override
    public long askedBytes() {
        return asked.sum();
    }
}
