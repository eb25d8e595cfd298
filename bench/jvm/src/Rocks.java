import static java.nio.charset.StandardCharsets.US_ASCII;

import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.rocksdb.BlockBasedTableConfig;
import org.rocksdb.BloomFilter;
import org.rocksdb.Cache;
import org.rocksdb.ColumnFamilyDescriptor;
import org.rocksdb.ColumnFamilyHandle;
import org.rocksdb.ColumnFamilyOptions;
import org.rocksdb.CompressionType;
import org.rocksdb.DBOptions;
import org.rocksdb.LRUCache;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;
import org.rocksdb.RocksIterator;
import org.rocksdb.WriteBatch;
import org.rocksdb.WriteOptions;

/**
 * RocksDB with many column families and small memtables, so that flushes and compactions go on all
 * the time. An operation writes a batch into a few families, reads some keys, and now and then
 * walks a range. A family is compacted by every so many operations: what RocksDB would do by itself
 * depends on how far its threads lag behind, and is another amount of work in each run. Between waves
 * the database stays open, and in the end it is closed.
 */
final class Rocks implements Workload {
    private static final int BATCH = 16;
    private static final int READS = 8;
    private static final int WALK = 64;
    private static final int WALK_OF = 8;
    private static final int KEYS = 1 << 18; // a power of two

    private final Text text = new Text(1 << 20);
    private final Sizes lengths = new Sizes(64, 4 << 10);
    private final List<ColumnFamilyHandle> families = new ArrayList<>();
    private WriteOptions unlogged;
    private RocksDB base;
    private DBOptions options;
    private ColumnFamilyOptions familyOptions;
    private Cache cache;
    private int compactOf;

    @Override
    public void open(Settings settings) throws Exception {
        RocksDB.loadLibrary();
        unlogged = new WriteOptions().setDisableWAL(true);
        int count = settings.number("families", 64);
        compactOf = settings.number("compact_of", 256);
        cache = new LRUCache((long) settings.number("cache_mb", 16) << 20);
        familyOptions = new ColumnFamilyOptions()
                .setWriteBufferSize((long) settings.number("memtable_kb", 512) << 10)
                .setMaxWriteBufferNumber(3)
                .setDisableAutoCompactions(true)
                .setCompressionType(CompressionType.LZ4_COMPRESSION)
                .setTargetFileSizeBase(2L << 20)
                .setMaxBytesForLevelBase(8L << 20)
                .setTableFormatConfig(new BlockBasedTableConfig().setBlockCache(cache)
                        .setFilterPolicy(new BloomFilter(10)).setCacheIndexAndFilterBlocks(true));
        options = new DBOptions().setCreateIfMissing(true).setCreateMissingColumnFamilies(true)
                .setMaxBackgroundJobs(2).setMaxOpenFiles(256).setStatsDumpPeriodSec(0);
        List<ColumnFamilyDescriptor> wanted = new ArrayList<>();
        wanted.add(new ColumnFamilyDescriptor(RocksDB.DEFAULT_COLUMN_FAMILY, familyOptions));
        for (int i = 1; i < count; i++) {
            wanted.add(new ColumnFamilyDescriptor(("family" + i).getBytes(US_ASCII), familyOptions));
        }
        Path folder = Files.createDirectories(settings.folder().resolve("rocks"));
        base = RocksDB.open(options, folder.toString(), wanted, families);
    }

    private static byte[] key(SplittableRandom random) {
        // The square makes some keys common.
        double part = random.nextDouble();
        return ByteBuffer.allocate(16).putInt((int) (part * part * KEYS)).array();
    }

    private ColumnFamilyHandle family(SplittableRandom random) {
        return families.get(random.nextInt(families.size()));
    }

    @Override
    public void operate(SplittableRandom random) throws RocksDBException {
        try (WriteBatch batch = new WriteBatch()) {
            for (int i = 0; i < BATCH; i++) {
                int length = lengths.next(random);
                ByteBuffer value = ByteBuffer.wrap(text.bytes(), text.from(random, length), length);
                byte[] bytes = new byte[length];
                value.get(bytes);
                batch.put(family(random), key(random), bytes);
            }
            base.write(unlogged, batch);
        }
        for (int i = 0; i < READS; i++) {
            byte[] found = base.get(family(random), key(random));
            if (found != null && found.length < 64) {
                throw new IllegalStateException("a value has " + found.length + " bytes");
            }
        }
        if (random.nextInt(WALK_OF) == 0) {
            walk(random);
        }
        if (random.nextInt(compactOf) == 0) {
            base.compactRange(family(random));
        }
    }

    private void walk(SplittableRandom random) throws RocksDBException {
        try (RocksIterator at = base.newIterator(family(random))) {
            at.seek(key(random));
            for (int i = 0; i < WALK && at.isValid(); i++) {
                at.next();
            }
            at.status();
        }
    }

    @Override
    public void release() throws RocksDBException {
        families.forEach(ColumnFamilyHandle::close);
        base.closeE();
        familyOptions.close();
        options.close();
        cache.close();
        unlogged.close();
    }
}
