using System.Buffers;
using System.Collections.Concurrent;
using System.Text;
using CoScientist.Core.Storage;

namespace CoScientist.Training.Tokenization;

/// <summary>
/// Byte-level byte-pair encoding as GPT-2 and Qwen use it, in and out of Hugging Face's <c>tokenizer.json</c>. Any text has an
/// encoding and comes back unchanged, but for normalisation and lone surrogates (which become U+FFFD). Safe for many threads.
/// </summary>
/// <remarks>Encoding adds no start or end tokens of its own: what a model is given is decided by its prompt format.</remarks>
public sealed class BpeTokenizer
{
    private const int LongestCachedWord = 64;
    private const int LargestCache = 1 << 16;

    private readonly TokenizerFile file;
    private readonly AddedTokens added;
    private readonly Dictionary<string, AddedToken> addedByContent;
    private readonly Dictionary<int, AddedToken> addedById;
    private readonly ConcurrentDictionary<string, int[]> cache = new(StringComparer.Ordinal);

    internal BpeTokenizer(TokenizerFile file)
    {
        this.file = file;
        added = new AddedTokens(file.Added);
        addedByContent = file.Added.ToDictionary(token => token.Content, StringComparer.Ordinal);
        addedById = file.Added.ToDictionary(token => token.Id);
    }

    /// <summary>Number of ids: the highest one plus one. A model's embedding may have more rows.</summary>
    public int VocabularySize => file.Bytes.Length;

    /// <summary>Texts of the special tokens, in the file's order.</summary>
    public IEnumerable<string> SpecialTokens => added.All.Where(token => token.Special).Select(token => token.Content);

    /// <summary>Reads a <c>tokenizer.json</c>.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="InvalidDataException">Not a byte-level BPE tokenizer, or inconsistent; names the file and the place.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static BpeTokenizer Load(string path) => new(TokenizerFile.Read(File.ReadAllBytes(path), path));

    /// <summary>Writes a <c>tokenizer.json</c> that Hugging Face's library reads; a loaded file is written as it was.</summary>
    /// <param name="path">The file; replaced as a whole.</param>
    public void Save(string path) => AtomicFile.Write(path, Save);

    /// <summary>Writes the content of a <c>tokenizer.json</c>.</summary>
    /// <param name="stream">Where to.</param>
    public void Save(Stream stream) => stream.Write(file.Json);

    /// <summary>Text to ids.</summary>
    /// <param name="text">The text.</param>
    /// <param name="allowSpecial">Whether the text of an added token becomes that token. False, for all text from people, papers and models, makes it ordinary text.</param>
    public int[] Encode(string text, bool allowSpecial = false)
    {
        ArgumentNullException.ThrowIfNull(text);
        var ids = new List<int>(text.Length / 2);
        if (!allowSpecial)
        {
            EncodeOrdinary(text, ids);
            return [.. ids];
        }

        var start = 0;
        while (start < text.Length)
        {
            var token = added.Find(text, start, out var position);
            EncodeOrdinary(text[start..position], ids);
            start = position;
            if (token is not null)
            {
                ids.Add(token.Id);
                start += token.Content.Length;
            }
        }

        return [.. ids];
    }

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

    private void EncodeOrdinary(string text, List<int> ids) => file.PreTokenizer.Split(text, word =>
    {
        var known = cache.GetAlternateLookup<ReadOnlySpan<char>>();
        if (!known.TryGetValue(word, out var encoded))
        {
            var bytes = new byte[Encoding.UTF8.GetMaxByteCount(word.Length)];
            encoded = file.Merges.Apply(bytes.AsSpan(0, Encoding.UTF8.GetBytes(word, bytes)));
            if (word.Length <= LongestCachedWord && cache.Count < LargestCache)
            {
                known.TryAdd(word, encoded);
            }
        }

        ids.AddRange(encoded);
    });
}
