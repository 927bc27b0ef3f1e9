using System.Text;
using System.Text.Json;
using CoScientist.Core;
using static CoScientist.Training.Tokenization.TokenizerJson;

namespace CoScientist.Training.Tokenization;

/// <summary>What a <c>tokenizer.json</c> says, checked.</summary>
internal sealed class TokenizerFile
{
    /// <summary>Its name, for messages.</summary>
    public required string Source { get; init; }

    /// <summary>The file as read, for writing it back unchanged.</summary>
    public required byte[] Json { get; init; }

    /// <summary>Bytes of each id; null where an id is not used.</summary>
    public required byte[]?[] Bytes { get; init; }

    /// <summary>Added tokens, special or not.</summary>
    public required IReadOnlyList<AddedToken> Added { get; init; }

    /// <summary>The merges.</summary>
    public required MergeTable Merges { get; init; }

    /// <summary>Whether text is brought to normalisation form C.</summary>
    public required bool Composed { get; init; }

    /// <summary>Cutting into words.</summary>
    public required PreTokenizer PreTokenizer { get; init; }

    /// <summary>Ids that the file's template puts before a text, and after it.</summary>
    public required (int[] Before, int[] After) Template { get; init; }

    /// <summary>Parses and checks a file.</summary>
    /// <param name="json">Its content.</param>
    /// <param name="source">Its name, for messages.</param>
    /// <exception cref="InvalidDataException">Names the file, the place and what was expected.</exception>
    public static TokenizerFile Read(byte[] json, string source)
    {
        try
        {
            using var document = JsonFile.Parse(json, source);
            return Read(document.RootElement, json, source);
        }
        catch (TokenizerFault fault)
        {
            throw new InvalidDataException($"{source}: {FileText.Shown(fault.Message, 600)}", fault);
        }
    }

    private static TokenizerFile Read(JsonElement root, byte[] json, string source)
    {
        var model = Member(root, "model", JsonValueKind.Object)
            ?? throw new TokenizerFault("there is no \"model\" object, so this is not a tokenizer.json of Hugging Face; give the tokenizer.json that belongs to the model.");
        CheckModel(model);

        var vocabulary = ReadVocabulary(model);
        var added = ReadAdded(root);
        var bytes = CollectBytes(vocabulary, added);
        var special = added.Where(token => token.Special).Select(token => token.Id).ToHashSet();

        int? unknown = Text(model, "unk_token") is { } unk ? Known(unk) ?? throw new TokenizerFault($"model.unk_token \"{unk}\" is not in model.vocab.") : null;
        var byteIds = ByteIds(vocabulary, unknown);

        // A special token that is also in the vocabulary must not come out of ordinary text.
        var merges = ReadMerges(model, vocabulary).FindAll(merge => !special.Contains(merge.Id));
        var wholeWords = Flag(model, "ignore_merges") ? WholeWords(bytes, vocabulary, special) : null;
        var template = TokenizerSteps.ReadTemplate(root, Known);
        TokenizerSteps.CheckDecoder(root);
        return new TokenizerFile
        {
            Source = source,
            Json = json,
            Bytes = bytes,
            Added = added,
            Merges = new MergeTable(byteIds, merges, wholeWords, unknown, Flag(model, "fuse_unk")),
            Composed = TokenizerSteps.ReadComposed(root),
            PreTokenizer = TokenizerSteps.ReadPreTokenizer(root),
            Template = Array.TrueForAll([.. template.Before, .. template.After], id => id < bytes.Length && bytes[id] is not null)
                ? template
                : throw new TokenizerFault("post_processor uses an id that no token has."),
        };

        int? Known(string token) => added.Find(candidate => candidate.Content == token)?.Id ?? (vocabulary.TryGetValue(token, out var id) ? id : null);
    }

    private static void CheckModel(JsonElement model)
    {
        if (Text(model, "type") is { } type && type != "BPE")
        {
            throw new TokenizerFault($"model.type is \"{type}\"; only \"BPE\" (byte-level, as of GPT-2, Qwen and Llama 3) is supported. Use a model with such a tokenizer.");
        }

        if (Flag(model, "byte_fallback"))
        {
            throw new TokenizerFault("model.byte_fallback is set, as in SentencePiece tokenizers; only byte-level BPE is supported. Use a model with such a tokenizer.");
        }

        if (model.TryGetProperty("dropout", out var dropout) && !(dropout.ValueKind == JsonValueKind.Null || (dropout.ValueKind == JsonValueKind.Number && dropout.GetDouble() == 0)))
        {
            throw new TokenizerFault($"model.dropout is {Shown(dropout)}, which makes encoding random; set it to null.");
        }

        foreach (var affix in new[] { "continuing_subword_prefix", "end_of_word_suffix" })
        {
            if (!string.IsNullOrEmpty(Text(model, affix)))
            {
                throw new TokenizerFault($"model.{affix} is set; byte-level BPE has none. Use a model with a byte-level BPE tokenizer.");
            }
        }
    }

    private static Dictionary<string, int> ReadVocabulary(JsonElement model)
    {
        var entries = Member(model, "vocab", JsonValueKind.Object)
            ?? throw new TokenizerFault("model.vocab is missing; a map from token to id is expected.");
        var vocabulary = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var entry in entries.EnumerateObject())
        {
            if (!vocabulary.TryAdd(entry.Name, Id(entry.Value) ?? throw NoId(entry.Value, $"model.vocab[\"{entry.Name}\"]")))
            {
                throw new TokenizerFault($"model.vocab lists the token \"{entry.Name}\" twice; remove one.");
            }
        }

        return vocabulary;
    }

    private static List<AddedToken> ReadAdded(JsonElement root)
    {
        var added = new List<AddedToken>();
        var contents = new HashSet<string>(StringComparer.Ordinal);
        foreach (var entry in Member(root, "added_tokens", JsonValueKind.Array)?.EnumerateArray() ?? [])
        {
            var place = $"added_tokens[{added.Count}]";
            var content = Text(entry, "content");
            if (string.IsNullOrEmpty(content))
            {
                throw new TokenizerFault($"{place} has no \"content\" text.");
            }

            if (!entry.TryGetProperty("id", out var id))
            {
                throw new TokenizerFault($"{place} (\"{content}\") has no \"id\".");
            }

            if (!contents.Add(content))
            {
                throw new TokenizerFault($"{place} repeats the token \"{content}\"; remove one.");
            }

            var special = Flag(entry, "special");
            added.Add(new AddedToken(Id(id) ?? throw NoId(id, $"{place}.id"), content, special)
            {
                Normalized = Flag(entry, "normalized", fallback: !special),
                SingleWord = Flag(entry, "single_word"),
                StripLeft = Flag(entry, "lstrip"),
                StripRight = Flag(entry, "rstrip"),
            });
        }

        return added;
    }

    private static byte[]?[] CollectBytes(Dictionary<string, int> vocabulary, List<AddedToken> added)
    {
        var size = vocabulary.Values.Concat(added.Select(token => token.Id)).DefaultIfEmpty(-1).Max() + 1;
        if (size > 4 * (vocabulary.Count + added.Count))
        {
            throw new TokenizerFault($"the highest id is {size - 1}, but there are only {vocabulary.Count + added.Count} tokens; the ids are damaged. Get the file again.");
        }

        var bytes = new byte[]?[size];
        var addedIds = added.ToDictionary(token => token.Content, token => token.Id, StringComparer.Ordinal);
        foreach (var (text, id) in vocabulary)
        {
            if (addedIds.TryGetValue(text, out var addedId))
            {
                // The same token in both lists: its content is plain text, not the byte alphabet.
                _ = addedId == id ? true : throw new TokenizerFault($"token \"{text}\" has id {id} in model.vocab and {addedId} in added_tokens; they must agree.");
                continue;
            }

            Put(id, text, ByteAlphabet.ToBytes(text) ?? throw new TokenizerFault($"model.vocab[\"{text}\"] is not written in the byte-level alphabet; only byte-level BPE is supported. Use a model with such a tokenizer."));
        }

        foreach (var token in added)
        {
            Put(token.Id, token.Content, Encoding.UTF8.GetBytes(token.Content));
        }

        return bytes;

        void Put(int id, string text, byte[] value) =>
            bytes[id] = bytes[id] is null ? value : throw new TokenizerFault($"id {id} belongs to two tokens, one of them \"{text}\"; ids must be unique.");
    }

    private static int[] ByteIds(Dictionary<string, int> vocabulary, int? unknown)
    {
        var ids = new int[256];
        for (var value = 0; value < ids.Length; value++)
        {
            var text = ByteAlphabet.ToText([(byte)value]);
            ids[value] = vocabulary.TryGetValue(text, out var id)
                ? id
                : unknown is not null
                    ? -1
                    : throw new TokenizerFault($"model.vocab has no token for byte 0x{value:X2} (\"{text}\") and there is no unk_token, so text would be lost; a byte-level vocabulary has all 256.");
        }

        return ids;
    }

    private static Dictionary<byte[], int> WholeWords(byte[]?[] bytes, Dictionary<string, int> vocabulary, HashSet<int> special)
    {
        var words = new Dictionary<byte[], int>(vocabulary.Count, WordComparer.Instance);
        foreach (var id in vocabulary.Values.Where(id => !special.Contains(id)))
        {
            words.TryAdd(bytes[id]!, id);
        }

        return words;
    }

    private static List<(int Left, int Right, int Id)> ReadMerges(JsonElement model, Dictionary<string, int> vocabulary)
    {
        var entries = Member(model, "merges", JsonValueKind.Array)
            ?? throw new TokenizerFault("model.merges is missing; a list of pairs is expected.");
        var merges = new List<(int, int, int)>(entries.GetArrayLength());
        foreach (var entry in entries.EnumerateArray())
        {
            var (left, right) = Pair(entry) ?? throw new TokenizerFault($"model.merges[{merges.Count}] is neither \"a b\" nor [\"a\", \"b\"].");
            merges.Add((Known(left), Known(right), Known(left + right)));

            int Known(string token) => vocabulary.TryGetValue(token, out var id)
                ? id
                : throw new TokenizerFault($"model.merges[{merges.Count}] joins \"{left}\" and \"{right}\", but \"{token}\" is not in model.vocab; vocabulary and merges must come from the same tokenizer.");
        }

        return merges;
    }

    private static (string Left, string Right)? Pair(JsonElement entry)
    {
        switch (entry.ValueKind)
        {
            case JsonValueKind.String:
                var parts = entry.GetString()!.Split(' ');
                return parts is [{ Length: > 0 }, { Length: > 0 }] ? (parts[0], parts[1]) : null;
            case JsonValueKind.Array when entry.GetArrayLength() == 2 && entry[0].ValueKind == JsonValueKind.String && entry[1].ValueKind == JsonValueKind.String:
                return (entry[0].GetString()!, entry[1].GetString()!);
            default:
                return null;
        }
    }
}
