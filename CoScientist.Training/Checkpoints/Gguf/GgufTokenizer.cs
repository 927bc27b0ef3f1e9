using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using CoScientist.Core;
using CoScientist.Training.Tokenization;

namespace CoScientist.Training.Checkpoints.Gguf;

/// <summary>Byte-level BPE tokenizers in and out of the metadata of GGUF files.</summary>
internal static class GgufTokenizer
{
    private const int LongestFault = 1000;
    private const long Normal = 1;
    private const long Control = 3;
    private const long UserDefined = 4;
    private const long Unused = 5;

    // The file names how text is cut into words and leaves the patterns to the reader.
    private static readonly Dictionary<string, JsonObject> Cutting = new(StringComparer.Ordinal)
    {
        ["qwen2"] = Sequence(Split(WordScanner.QwenPattern), ByteLevel(useRegex: false)),
        ["llama-bpe"] = Sequence(Split(WordScanner.Llama3Pattern), ByteLevel(useRegex: false)),
        ["gpt-2"] = ByteLevel(useRegex: true),
        ["smollm"] = Sequence(new JsonObject { ["type"] = "Digits", ["individual_digits"] = true }, ByteLevel(useRegex: true)),
    };

    /// <summary>Reads the tokenizer.</summary>
    /// <exception cref="InvalidDataException">It is of another kind, or inconsistent.</exception>
    public static BpeTokenizer Read(GgufFile file)
    {
        var model = file.Find<string>("tokenizer.ggml.model");
        var pre = file.Find<string>("tokenizer.ggml.pre");
        if (model != "gpt2" || pre is null || !Cutting.TryGetValue(pre is "llama3" or "llama-v3" ? "llama-bpe" : pre, out var cutting))
        {
            throw file.Fault($"its tokenizer is of type \"{FileText.Shown(model ?? "")}\" and cuts words as \"{FileText.Shown(pre ?? "")}\"; supported is \"gpt2\" with {string.Join(", ", Cutting.Keys)}");
        }

        var tokens = file.Find<string[]>("tokenizer.ggml.tokens") ?? throw file.Fault("tokenizer.ggml.tokens is missing; get the file again");
        var types = file.Find<long[]>("tokenizer.ggml.token_type") ?? throw file.Fault("tokenizer.ggml.token_type is missing; get the file again");
        var merges = file.Find<string[]>("tokenizer.ggml.merges") ?? throw file.Fault("tokenizer.ggml.merges is missing; get the file again");
        if (types.Length != tokens.Length)
        {
            throw file.Fault($"it has {tokens.Length} tokens and {types.Length} token types; get the file again");
        }

        var (vocabulary, added) = (new JsonObject(), new JsonArray());
        for (var id = 0; id < tokens.Length; id++)
        {
            if (types[id] is Control or UserDefined)
            {
                added.Add(new JsonObject { ["id"] = id, ["content"] = tokens[id], ["special"] = types[id] == Control });
            }
            else if (types[id] != Unused && !vocabulary.TryAdd(tokens[id], id))
            {
                throw file.Fault($"token {id}, '{FileText.Shown(tokens[id])}', is there twice; get the file again");
            }
        }

        var qwen = pre == "qwen2";
        var json = new JsonObject
        {
            ["version"] = "1.0",
            ["added_tokens"] = added,
            ["normalizer"] = qwen ? new JsonObject { ["type"] = "NFC" } : null,
            ["pre_tokenizer"] = cutting.DeepClone(),
            ["decoder"] = ByteLevel(useRegex: true),
            ["model"] = new JsonObject
            {
                ["type"] = "BPE",
                ["ignore_merges"] = cutting == Cutting["llama-bpe"],
                ["vocab"] = vocabulary,
                ["merges"] = new JsonArray([.. merges.Select(merge => (JsonNode)merge)]),
            },
        };
        try
        {
            return new BpeTokenizer(TokenizerFile.Read(JsonSerializer.SerializeToUtf8Bytes(json), "its tokenizer"));
        }
        catch (InvalidDataException exception)
        {
            throw new InvalidDataException($"{file.Path}: {FileText.Shown(exception.Message, LongestFault)}", exception);
        }
    }

    /// <summary>Adds the entries that describe a tokenizer.</summary>
    /// <param name="head">Metadata being written.</param>
    /// <param name="tokenizer">The tokenizer.</param>
    /// <param name="size">Rows of the embedding; ids without a token are marked as unused.</param>
    /// <exception cref="InvalidDataException">It cuts words in a way that such files have no name for.</exception>
    public static void Write(GgufHead head, BpeTokenizer tokenizer, int size)
    {
        using var stream = new MemoryStream();
        tokenizer.Save(stream);
        var json = JsonFile.ParseNode(stream.ToArray(), "The tokenizer")!;
        var pre = Cutting.FirstOrDefault(known => SameCutting(known.Value, json["pre_tokenizer"])).Key
            ?? throw new InvalidDataException($"The tokenizer cuts words in a way that GGUF files have no name for; known are those of {string.Join(", ", Cutting.Keys)}. Keep the folder layout.");

        var tokens = Enumerable.Range(0, size).Select(id => string.Create(CultureInfo.InvariantCulture, $"[PAD{id}]")).ToArray();
        var types = Enumerable.Repeat((int)Unused, size).ToArray();
        foreach (var (token, id) in json["model"]!["vocab"]!.AsObject())
        {
            (tokens[(int)id!], types[(int)id!]) = (token, (int)Normal);
        }

        foreach (var token in json["added_tokens"]?.AsArray() ?? [])
        {
            var (id, special) = ((int)token!["id"]!, (bool?)token["special"] == true);
            (tokens[id], types[id]) = ((string)token["content"]!, (int)(special ? Control : UserDefined));
        }

        head.Add("tokenizer.ggml.model", "gpt2");
        head.Add("tokenizer.ggml.pre", pre);
        head.Add("tokenizer.ggml.tokens", tokens);
        head.Add("tokenizer.ggml.token_type", types);
        head.Add("tokenizer.ggml.merges", [.. json["model"]!["merges"]!.AsArray().Select(merge => merge is JsonArray pair ? $"{pair[0]} {pair[1]}" : (string)merge!)]);
        head.Add("tokenizer.ggml.add_bos_token", StartsWithSpecial(json["post_processor"]));
    }

    // Whether texts get a start token, alone or as a step of a sequence.
    private static bool StartsWithSpecial(JsonNode? processor) => (string?)processor?["type"] switch
    {
        "TemplateProcessing" => processor!["single"]?[0]?["SpecialToken"] is not null,
        "Sequence" => processor!["processors"]!.AsArray().Any(StartsWithSpecial),
        _ => false,
    };

    private static bool SameCutting(JsonNode known, JsonNode? given)
    {
        if (given is null || (string?)known["type"] != (string?)given["type"])
        {
            return false;
        }

        return (string?)known["type"] switch
        {
            "Sequence" => known["pretokenizers"]!.AsArray() is var steps && given["pretokenizers"] is JsonArray others && steps.Count == others.Count && steps.Zip(others).All(pair => SameCutting(pair.First!, pair.Second)),
            "Split" => (string?)known["pattern"]!["Regex"] == (string?)given["pattern"]?["Regex"],
            "Digits" => (bool?)given["individual_digits"] == true,
            _ => ((bool?)given["use_regex"] ?? true) == (bool)known["use_regex"]! && (bool?)given["add_prefix_space"] == false,
        };
    }

    private static JsonObject Sequence(params JsonNode[] steps) => new() { ["type"] = "Sequence", ["pretokenizers"] = new JsonArray(steps) };

    private static JsonObject Split(string pattern) => new() { ["type"] = "Split", ["pattern"] = new JsonObject { ["Regex"] = pattern }, ["behavior"] = "Isolated", ["invert"] = false };

    private static JsonObject ByteLevel(bool useRegex) => new() { ["type"] = "ByteLevel", ["add_prefix_space"] = false, ["trim_offsets"] = false, ["use_regex"] = useRegex };
}
