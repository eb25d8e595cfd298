import com.github.luben.zstd.Zstd;
import com.github.luben.zstd.ZstdCompressCtx;
import com.github.luben.zstd.ZstdDecompressCtx;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.SplittableRandom;
import java.util.zip.Deflater;
import java.util.zip.GZIPInputStream;
import java.util.zip.GZIPOutputStream;
import org.xerial.snappy.SnappyInputStream;
import org.xerial.snappy.SnappyOutputStream;

/**
 * Many threads pack a text and unpack it again, by java.util.zip, zstd-jni and snappy-java. Of the
 * gzip streams a part is never closed: their states wait for the collector.
 */
final class Compress implements Workload {
    private static final int TEXT = 4 << 20;

    private final Text text = new Text(TEXT);
    private final Sizes lengths = new Sizes(2 << 10, 128 << 10);
    private int zstdLevel;
    private int leakedOf100;

    /** A stream at the fastest level: the allocator's part is not drowned in zlib's. */
    private static final class Packer extends GZIPOutputStream {
        Packer(ByteArrayOutputStream out) throws IOException {
            super(out);
            def.setLevel(Deflater.BEST_SPEED);
        }
    }

    @Override
    public void open(Settings settings) {
        zstdLevel = settings.number("zstd_level", 1);
        leakedOf100 = settings.number("leaked_of_100", 30);
    }

    @Override
    public void operate(SplittableRandom random) throws IOException {
        int length = lengths.next(random);
        int from = text.from(random, length);
        int got = switch (random.nextInt(5)) {
            case 0, 1 -> gzip(from, length, random.nextInt(100) >= leakedOf100);
            case 2 -> zstdContext(from, length);
            case 3 -> zstdOnce(from, length);
            default -> snappy(from, length);
        };
        if (got != length) {
            throw new IllegalStateException("gave back " + got + " of " + length + " bytes");
        }
    }

    private int gzip(int from, int length, boolean isClosed) throws IOException {
        ByteArrayOutputStream packed = new ByteArrayOutputStream(length);
        Packer out = new Packer(packed);
        out.write(text.bytes(), from, length);
        out.finish();
        GZIPInputStream in = new GZIPInputStream(new ByteArrayInputStream(packed.toByteArray()), 8192);
        int got = in.readAllBytes().length;
        if (isClosed) {
            out.close();
            in.close();
        }
        return got;
    }

    private int zstdContext(int from, int length) {
        try (ZstdCompressCtx packer = new ZstdCompressCtx();
                ZstdDecompressCtx unpacker = new ZstdDecompressCtx()) {
            packer.setLevel(zstdLevel);
            byte[] packed = new byte[(int) Zstd.compressBound(length)];
            int size = packer.compressByteArray(packed, 0, packed.length, text.bytes(), from, length);
            byte[] unpacked = new byte[length];
            return unpacker.decompressByteArray(unpacked, 0, length, packed, 0, size);
        }
    }

    private int zstdOnce(int from, int length) {
        byte[] slice = new byte[length];
        System.arraycopy(text.bytes(), from, slice, 0, length);
        return Zstd.decompress(Zstd.compress(slice, zstdLevel), length).length;
    }

    private int snappy(int from, int length) throws IOException {
        ByteArrayOutputStream packed = new ByteArrayOutputStream(length);
        try (SnappyOutputStream out = new SnappyOutputStream(packed)) {
            out.write(text.bytes(), from, length);
        }
        try (SnappyInputStream in = new SnappyInputStream(new ByteArrayInputStream(packed.toByteArray()))) {
            return in.readAllBytes().length;
        }
    }

    @Override
    public void release() {
        // Streams that were not closed were dropped by their operations.
    }
}
