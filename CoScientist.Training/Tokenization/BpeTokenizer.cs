using System.Buffers;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.RegularExpressions;
using CoScientist.Core.Storage;

namespace CoScientist.Training.Tokenization;

/// <summary>
/// Byte-level byte-pair encoding as GPT-2 and Qwen use it, in and out of Hugging Face's <c>tokenizer.json</c>. Any text has an
/// encoding and comes back unchanged, but for normalisation and lone surrogates (which become U+FFFD). Safe for many threads.
/// </summary>
/// <remarks>Encoding adds no start or end tokens of its own: what a model is given is decided by its prompt format.</remarks>
public sealed class BpeTokenizer
{
    // The largest real one has 35 MB.
    private const long LargestFile = 256L << 20;

    private readonly TokenizerFile file;
    private readonly Dictionary<string, AddedToken> addedByContent;
    private readonly Dictionary<int, AddedToken> addedById;
    private readonly WordCache cache = new();

    // What is looked for in text before and after it is normalised: all added tokens; the same in text with foreign parts, where
    // control tokens must be found while the parts are where they were; and in foreign text, where there are none.
    private readonly (AddedTokens Before, AddedTokens After) trusted;
    private readonly (AddedTokens Before, AddedTokens After) mixed;
    private readonly (AddedTokens Before, AddedTokens After) foreign;

    internal BpeTokenizer(TokenizerFile file)
    {
        this.file = file;
        addedByContent = file.Added.ToDictionary(token => token.Content, StringComparer.Ordinal);
        addedById = file.Added.ToDictionary(token => token.Id);
        trusted = (Raw(token => !token.Normalized), Normal(token => token.Normalized));
        mixed = (Raw(token => !token.Normalized || token.IsControl), Normal(token => token.Normalized && !token.IsControl));
        foreign = (Raw(token => !token.Normalized && !token.IsControl), mixed.After);

        AddedTokens Raw(Predicate<AddedToken> which) => new(file.Added.Where(token => which(token)).Select(token => (token.Content, token)));
        AddedTokens Normal(Predicate<AddedToken> which) => new(file.Added.Where(token => which(token)).Select(token => (Normalized(token.Content).ToString(), token)));
    }

    /// <summary>Number of ids: the highest one plus one. A model's embedding may have more rows.</summary>
    public int VocabularySize => file.Bytes.Length;

    /// <summary>Texts of the special tokens, in the file's order.</summary>
    public IEnumerable<string> SpecialTokens => file.Added.Where(token => token.Special).Select(token => token.Content);

    /// <summary>Reads a <c>tokenizer.json</c>.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="InvalidDataException">Not a byte-level BPE tokenizer, or inconsistent; names the file and the place.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static BpeTokenizer Load(string path)
    {
        var length = new FileInfo(path).Length;
        return length <= LargestFile
            ? new BpeTokenizer(TokenizerFile.Read(File.ReadAllBytes(path), path))
            : throw new InvalidDataException($"{path} has {length} bytes, too many for a tokenizer; give the tokenizer.json that belongs to the model.");
    }

    /// <summary>Writes a <c>tokenizer.json</c> that Hugging Face's library reads; a loaded file is written as it was.</summary>
    /// <param name="path">The file; replaced as a whole.</param>
    public void Save(string path) => AtomicFile.Write(path, Save);

    /// <summary>Writes the content of a <c>tokenizer.json</c>.</summary>
    /// <param name="stream">Where to.</param>
    public void Save(Stream stream) => stream.Write(file.Json);

    /// <summary>Text to ids.</summary>
    /// <param name="text">The text.</param>
    /// <param name="allowSpecial">
    /// Whether the text of a control token becomes that token. False, for all text from people, papers and models, makes it
    /// ordinary text. Control tokens are the special ones and those written like tags; other added tokens are vocabulary.
    /// </param>
    /// <exception cref="InvalidDataException">A pattern of the tokenizer's file takes unreasonably long on this text.</exception>
    public int[] Encode(string text, bool allowSpecial = false)
    {
        ArgumentNullException.ThrowIfNull(text);
        return Encode(text, allowSpecial ? trusted : foreign, []);
    }

    /// <summary>
    /// A prompt to ids, as the one text that its segments make, but that control tokens are found only where they lie wholly
    /// outside content: no text of others can open or close a turn.
    /// </summary>
    /// <param name="segments">The prompt's parts, in order.</param>
    /// <exception cref="InvalidDataException">A pattern of the tokenizer's file takes unreasonably long on this text.</exception>
    public int[] Encode(IReadOnlyList<TextSegment> segments)
    {
        ArgumentNullException.ThrowIfNull(segments);
        var content = new List<(int Start, int End)>();
        var length = 0;
        foreach (var segment in segments)
        {
            if (segment.IsContent && segment.Text.Length > 0)
            {
                content.Add((length, length + segment.Text.Length));
            }

            length += segment.Text.Length;
        }

        return Encode(string.Concat(segments.Select(segment => segment.Text)), content.Count == 0 ? trusted : mixed, CollectionsMarshal.AsSpan(content));
    }

    /// <summary>Many texts to ids, on several threads; the same as one by one.</summary>
    /// <param name="texts">The texts.</param>
    /// <param name="allowSpecial">As for one text.</param>
    /// <param name="threads">Most threads.</param>
    /// <param name="cancellationToken">Stops between texts.</param>
    /// <exception cref="InvalidDataException">A pattern of the tokenizer's file takes unreasonably long on a text.</exception>
    public int[][] EncodeAll(IReadOnlyList<string> texts, bool allowSpecial, int threads, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(texts);
        var ids = new int[texts.Count][];
        try
        {
            Parallel.For(0, texts.Count, new ParallelOptions { MaxDegreeOfParallelism = threads, CancellationToken = cancellationToken }, i => ids[i] = Encode(texts[i], allowSpecial));
        }
        catch (AggregateException exception) when (exception.InnerExceptions[0] is InvalidDataException first)
        {
            throw new InvalidDataException(first.Message, exception);
        }

        return ids;
    }

    /// <summary>Adds what the file's template puts around a text, such as Llama 3's token for the begin of text.</summary>
    /// <param name="ids">Ids of a text.</param>
    public int[] WithTemplate(ReadOnlySpan<int> ids) => [.. file.Template.Before, .. ids, .. file.Template.After];

    /// <summary>Ids to text. Bytes that are not UTF-8, such as half a character, become U+FFFD.</summary>
    /// <param name="ids">The ids.</param>
    /// <param name="skipSpecial">Whether special tokens are left out.</param>
    /// <exception cref="ArgumentOutOfRangeException">An id is not of this vocabulary.</exception>
    public string Decode(ReadOnlySpan<int> ids, bool skipSpecial = true)
    {
        var bytes = new ArrayBufferWriter<byte>(Math.Max(16, ids.Length * 4));
        foreach (var id in ids)
        {
            if (!skipSpecial || !IsSpecial(id))
            {
                bytes.Write(TokenBytes(id));
            }
        }

        return Encoding.UTF8.GetString(bytes.WrittenSpan);
    }

    /// <summary>Id of an added token, such as an end marker.</summary>
    /// <param name="special">Its text.</param>
    /// <exception cref="ArgumentException">There is none of that text; the message lists those there are.</exception>
    public int TokenId(string special) => addedByContent.TryGetValue(special, out var token)
        ? token.Id
        : throw new ArgumentException($"The tokenizer has no token '{special}'; it has {string.Join(' ', addedByContent.Keys)}.", nameof(special));

    /// <summary>Whether the id is a special token, which decoding leaves out.</summary>
    /// <param name="id">The id.</param>
    public bool IsSpecial(int id) => addedById.TryGetValue(id, out var token) && token.Special;

    /// <summary>The bytes a token stands for (UTF-8, possibly part of a character).</summary>
    /// <param name="id">The id.</param>
    /// <exception cref="ArgumentOutOfRangeException">The id is not of this vocabulary.</exception>
    public ReadOnlySpan<byte> TokenBytes(int id) => (uint)id < (uint)file.Bytes.Length && file.Bytes[id] is { } bytes
        ? bytes
        : throw new ArgumentOutOfRangeException(nameof(id), id, $"The tokenizer has no token {id}; its ids end at {VocabularySize - 1}.");

    /// <summary>A token for people: its text, or its bytes as <c>&lt;0xE2&gt;&lt;0x82&gt;</c> when they are not whole characters.</summary>
    /// <param name="id">The id.</param>
    /// <exception cref="ArgumentOutOfRangeException">The id is not of this vocabulary.</exception>
    public string TokenText(int id)
    {
        var bytes = TokenBytes(id);
        return System.Text.Unicode.Utf8.IsValid(bytes)
            ? Encoding.UTF8.GetString(bytes)
            : string.Concat(bytes.ToArray().Select(value => $"<0x{value:X2}>"));
    }

    private int[] Encode(string text, (AddedTokens Before, AddedTokens After) added, ReadOnlySpan<(int Start, int End)> content)
    {
        var ids = new List<int>((text.Length / 3) + 1);
        try
        {
            for (var position = 0; position < text.Length;)
            {
                var token = added.Before.Find(text, position, content, out var start, out var end);
                EncodeNormalized(Normalized(text.AsSpan(position..start)), added.After, ids);
                position = Put(token, end, ids);
            }
        }
        catch (Exception exception) when (exception is TokenizerFault or RegexMatchTimeoutException)
        {
            throw new InvalidDataException($"{file.Source}: {exception.Message}", exception);
        }

        return [.. ids];
    }

    private void EncodeNormalized(ReadOnlySpan<char> text, AddedTokens added, List<int> ids)
    {
        for (var position = 0; position < text.Length;)
        {
            var token = added.Find(text, position, [], out var start, out var end);
            var words = new WordEncoder(cache, file.Merges, ids);
            file.PreTokenizer.Split(text[position..start], ref words);
            position = Put(token, end, ids);
        }
    }

    private static int Put(AddedToken? token, int end, List<int> ids)
    {
        if (token is not null)
        {
            ids.Add(token.Id);
        }

        return end;
    }

    private ReadOnlySpan<char> Normalized(ReadOnlySpan<char> text) => file.Composed ? CanonicalComposition.Compose(text) : text;

    private readonly struct WordEncoder(WordCache cache, MergeTable merges, List<int> ids) : IWordSink
    {
        public void Add(ReadOnlySpan<byte> word)
        {
            if (cache.TryGet(word, out var known))
            {
                ids.AddRange(known);
                return;
            }

            var start = ids.Count;
            merges.Apply(word, ids);
            cache.Add(word, CollectionsMarshal.AsSpan(ids)[start..]);
        }
    }
}
