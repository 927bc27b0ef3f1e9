using System.Runtime.InteropServices;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace CoScientist.Training.Tokenization;

/// <summary>
/// Learns a byte-level BPE tokenizer (Sennrich, Haddow and Birch 2016, on bytes): the most frequent pair of neighbours inside
/// words becomes a token, again and again. Words are cut as Qwen cuts them.
/// </summary>
public static class BpeTrainer
{
    private static readonly JsonWriterOptions Writing = new() { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Learns from a corpus. The same corpus gives the same tokenizer on every machine.</summary>
    /// <param name="corpus">Texts; the text of a special token in them is not learnt from.</param>
    /// <param name="vocabularySize">Most ids, special tokens included. Fewer are used when no pair is left: then every word is one token, together with the space before it.</param>
    /// <param name="specialTokens">Tokens that stand for themselves; they take the last ids, in this order.</param>
    /// <param name="minimumFrequency">A pair that occurs less often in the corpus is not joined.</param>
    /// <param name="threads">Threads that count words; the result is the same for any number.</param>
    /// <returns>A tokenizer whose ids are the 256 bytes by value, the merges in order, the special tokens.</returns>
    /// <exception cref="ArgumentException">The size has no room for the bytes and special tokens, or a special token is empty or given twice.</exception>
    public static BpeTokenizer Train(IEnumerable<string> corpus, int vocabularySize, IReadOnlyList<string> specialTokens, int minimumFrequency = 1, int threads = 1)
    {
        ArgumentNullException.ThrowIfNull(corpus);
        ArgumentNullException.ThrowIfNull(specialTokens);
        if (specialTokens.Any(string.IsNullOrEmpty) || specialTokens.Distinct(StringComparer.Ordinal).Count() != specialTokens.Count)
        {
            throw new ArgumentException("Special tokens must be distinct texts of at least one character.", nameof(specialTokens));
        }

        ArgumentOutOfRangeException.ThrowIfLessThan(vocabularySize, 256 + specialTokens.Count);
        var (tokens, merges) = Learn(CountWords(corpus, specialTokens, threads), vocabularySize - specialTokens.Count, specialTokens, minimumFrequency);
        return new BpeTokenizer(TokenizerFile.Read(Write(tokens, merges, specialTokens), "the trained tokenizer"));
    }

    private static Dictionary<byte[], long> CountWords(IEnumerable<string> corpus, IReadOnlyList<string> specialTokens, int threads)
    {
        var special = new AddedTokens(specialTokens.Select(token => (token, new AddedToken(0, token, Special: true))));
        var preTokenizer = new PreTokenizer([], addPrefixSpace: false, WordScanner.For(WordScanner.QwenPattern));
        var all = new Dictionary<byte[], long>(WordComparer.Instance);
        Parallel.ForEach(
            corpus,
            new ParallelOptions { MaxDegreeOfParallelism = threads },
            () => new WordCounter(new Dictionary<byte[], long>(WordComparer.Instance)),
            (text, _, counter) =>
            {
                for (var position = 0; position < text.Length;)
                {
                    special.Find(text, position, [], out var start, out var end);
                    preTokenizer.Split(CanonicalComposition.Compose(text.AsSpan(position..start)), ref counter);
                    position = end;
                }

                return counter;
            },
            counter =>
            {
                lock (all)
                {
                    counter.AddTo(all);
                }
            });
        return all;
    }

    private static (List<string> Tokens, List<(int Left, int Right)> Merges) Learn(Dictionary<byte[], long> counts, int size, IReadOnlyList<string> specialTokens, int minimumFrequency)
    {
        var tokens = Enumerable.Range(0, 256).Select(value => ByteAlphabet.ToText([(byte)value])).ToList();
        var ids = tokens.Index().ToDictionary(entry => entry.Item, entry => entry.Index, StringComparer.Ordinal);
        var pairs = new PairCounts(counts);
        var merges = new OrderedDictionary<(int Left, int Right), int>();
        while (tokens.Count < size && pairs.TakeMostFrequent(minimumFrequency) is { } pair)
        {
            var text = tokens[pair.Left] + tokens[pair.Right];
            if (specialTokens.Contains(text, StringComparer.Ordinal))
            {
                // One text cannot have two ids; the special token keeps it.
                continue;
            }

            // Two ways can lead to one text ("a"+"bc", "ab"+"c"); it is one token all the same.
            if (!ids.TryGetValue(text, out var id))
            {
                ids.Add(text, id = tokens.Count);
                tokens.Add(text);
            }

            // For the same reason a pair can come up again; it keeps its first place.
            merges.TryAdd(pair, id);
            pairs.Merge(pair, id);
        }

        return (tokens, [.. merges.Keys]);
    }

    private static byte[] Write(List<string> tokens, List<(int Left, int Right)> merges, IReadOnlyList<string> specialTokens)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream, Writing))
        {
            json.WriteStartObject();
            json.WriteString("version", "1.0");
            json.WriteNull("truncation");
            json.WriteNull("padding");
            json.WriteStartArray("added_tokens");
            for (var i = 0; i < specialTokens.Count; i++)
            {
                json.WriteStartObject();
                json.WriteNumber("id", tokens.Count + i);
                json.WriteString("content", specialTokens[i]);
                json.WriteBoolean("single_word", false);
                json.WriteBoolean("lstrip", false);
                json.WriteBoolean("rstrip", false);
                json.WriteBoolean("normalized", false);
                json.WriteBoolean("special", true);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteStartObject("normalizer");
            json.WriteString("type", "NFC");
            json.WriteEndObject();
            WriteWordSteps(json);
            WriteByteLevel(json, "post_processor");
            WriteByteLevel(json, "decoder");
            WriteModel(json, tokens, merges);
            json.WriteEndObject();
        }

        return stream.ToArray();
    }

    private static void WriteWordSteps(Utf8JsonWriter json)
    {
        json.WriteStartObject("pre_tokenizer");
        json.WriteString("type", "Sequence");
        json.WriteStartArray("pretokenizers");
        json.WriteStartObject();
        json.WriteString("type", "Split");
        json.WriteStartObject("pattern");
        json.WriteString("Regex", WordScanner.QwenPattern);
        json.WriteEndObject();
        json.WriteString("behavior", "Isolated");
        json.WriteBoolean("invert", false);
        json.WriteEndObject();
        WriteByteLevel(json, name: null);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteByteLevel(Utf8JsonWriter json, string? name)
    {
        if (name is not null)
        {
            json.WritePropertyName(name);
        }

        json.WriteStartObject();
        json.WriteString("type", "ByteLevel");
        json.WriteBoolean("add_prefix_space", false);
        json.WriteBoolean("trim_offsets", false);
        json.WriteBoolean("use_regex", false);
        json.WriteEndObject();
    }

    private static void WriteModel(Utf8JsonWriter json, List<string> tokens, List<(int Left, int Right)> merges)
    {
        json.WriteStartObject("model");
        json.WriteString("type", "BPE");
        json.WriteNull("dropout");
        json.WriteNull("unk_token");
        json.WriteString("continuing_subword_prefix", "");
        json.WriteString("end_of_word_suffix", "");
        json.WriteBoolean("fuse_unk", false);
        json.WriteBoolean("byte_fallback", false);
        json.WriteBoolean("ignore_merges", false);
        json.WriteStartObject("vocab");
        foreach (var (id, token) in tokens.Index())
        {
            json.WriteNumber(token, id);
        }

        json.WriteEndObject();
        json.WriteStartArray("merges");
        foreach (var (left, right) in merges)
        {
            // The older of the two ways to write a merge: every version of Hugging Face's library reads it.
            json.WriteStringValue($"{tokens[left]} {tokens[right]}");
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private readonly struct WordCounter(Dictionary<byte[], long> counts) : IWordSink
    {
        private readonly Dictionary<byte[], long>.AlternateLookup<ReadOnlySpan<byte>> byWord = counts.GetAlternateLookup<ReadOnlySpan<byte>>();

        public void Add(ReadOnlySpan<byte> word) => CollectionsMarshal.GetValueRefOrAddDefault(byWord, word, out _)++;

        public void AddTo(Dictionary<byte[], long> all)
        {
            foreach (var (word, count) in counts)
            {
                CollectionsMarshal.GetValueRefOrAddDefault(all, word, out _) += count;
            }
        }
    }
}
