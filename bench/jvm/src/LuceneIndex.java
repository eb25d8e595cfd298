import java.io.IOException;
import java.nio.file.Files;
import java.util.SplittableRandom;
import org.apache.lucene.analysis.Analyzer;
import org.apache.lucene.analysis.LowerCaseFilter;
import org.apache.lucene.analysis.Tokenizer;
import org.apache.lucene.analysis.standard.StandardTokenizer;
import org.apache.lucene.document.Document;
import org.apache.lucene.document.Field;
import org.apache.lucene.document.LongPoint;
import org.apache.lucene.document.NumericDocValuesField;
import org.apache.lucene.document.StoredField;
import org.apache.lucene.document.StringField;
import org.apache.lucene.document.TextField;
import org.apache.lucene.index.ConcurrentMergeScheduler;
import org.apache.lucene.index.DirectoryReader;
import org.apache.lucene.index.IndexWriter;
import org.apache.lucene.index.IndexWriterConfig;
import org.apache.lucene.index.Term;
import org.apache.lucene.search.IndexSearcher;
import org.apache.lucene.search.TermQuery;
import org.apache.lucene.store.MMapDirectory;

/**
 * Lucene: an index on mapped files, written and read at the same time. An operation adds documents
 * and replaces one; now and then a new reader is opened on what there is, and searched. Merges run
 * in threads of Lucene's.
 */
final class LuceneIndex implements Workload {
    private static final int DOCUMENTS = 4;
    private static final int SEARCH_OF = 64;
    private static final int IDS = 1 << 15;

    private final Text text = new Text(4 << 20);
    private final Sizes lengths = new Sizes(256, 8 << 10);
    private MMapDirectory directory;
    private IndexWriter writer;

    @Override
    public void open(Settings settings) throws IOException {
        directory = new MMapDirectory(Files.createDirectories(settings.folder().resolve("lucene")));
        Analyzer words = new Analyzer() {
            @Override
            protected TokenStreamComponents createComponents(String field) {
                Tokenizer tokens = new StandardTokenizer();
                return new TokenStreamComponents(tokens, new LowerCaseFilter(tokens));
            }
        };
        // Not to write slower than the disk can: that would wait for a clock.
        ConcurrentMergeScheduler merges = new ConcurrentMergeScheduler();
        merges.disableAutoIOThrottle();
        writer = new IndexWriter(directory, new IndexWriterConfig(words).setMergeScheduler(merges)
                .setRAMBufferSizeMB(settings.number("buffer_mb", 8)).setUseCompoundFile(false));
    }

    @Override
    public void operate(SplittableRandom random) throws IOException {
        for (int i = 0; i < DOCUMENTS; i++) {
            String id = Integer.toString(random.nextInt(IDS));
            writer.updateDocument(new Term("id", id), document(id, random));
        }
        if (random.nextInt(SEARCH_OF) == 0) {
            search(random);
        }
    }

    private Document document(String id, SplittableRandom random) {
        String body = text.slice(random, lengths.next(random));
        long time = random.nextLong(1 << 30);
        Document document = new Document();
        document.add(new StringField("id", id, Field.Store.YES));
        document.add(new TextField("body", body, Field.Store.NO));
        document.add(new StoredField("source", body));
        document.add(new LongPoint("time", time));
        document.add(new NumericDocValuesField("time", time));
        return document;
    }

    private void search(SplittableRandom random) throws IOException {
        try (DirectoryReader reader = DirectoryReader.open(writer)) {
            String word = text.slice(random, 64).split(" ", 3)[1];
            var hits = new IndexSearcher(reader).search(new TermQuery(new Term("body", word)), 10);
            for (var hit : hits.scoreDocs) {
                if (reader.storedFields().document(hit.doc).get("source") == null) {
                    throw new IllegalStateException("a document has lost its source");
                }
            }
        }
    }

    @Override
    public void release() throws IOException {
        writer.commit();
        writer.close();
        directory.close();
    }
}
