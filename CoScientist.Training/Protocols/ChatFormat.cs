using System.Text.Json;
using System.Text.Json.Nodes;
using CoScientist.Core;
using CoScientist.Core.TextModels;
using CoScientist.Training.Chat;
using CoScientist.Training.Checkpoints;
using CoScientist.Training.Checkpoints.Gguf;
using CoScientist.Training.Tokenization;

namespace CoScientist.Training.Protocols;

/// <summary>How a model is spoken to in its own way: prompts through its chat template, answers to its end token.</summary>
public sealed class ChatFormat
{
    private const string GenerationFile = "generation_config.json";

    private readonly ChatTemplate template;

    /// <summary>A format from its parts.</summary>
    /// <param name="tokenizer">The model's tokenizer.</param>
    /// <param name="template">Its chat template.</param>
    /// <param name="endTokens">Tokens that end an answer, at least one.</param>
    /// <param name="vocabulary">Rows of its embedding: some models have more than their tokenizer has tokens.</param>
    public ChatFormat(BpeTokenizer tokenizer, ChatTemplate template, IReadOnlyList<int> endTokens, int vocabulary)
    {
        ArgumentOutOfRangeException.ThrowIfZero(endTokens.Count);
        (Tokenizer, this.template, EndTokens) = (tokenizer, template, [.. endTokens]);

        // Control tokens have no place in an answer but at its end, save those around thoughts; ids without a text have none at all.
        NeverSampled =
        [
            .. tokenizer.SpecialTokens.Where(token => token is not ("<think>" or "</think>")).Select(tokenizer.TokenId).Where(id => !EndTokens.Contains(id)),
            .. Enumerable.Range(tokenizer.VocabularySize, vocabulary - tokenizer.VocabularySize),
        ];
    }

    /// <summary>The tokenizer.</summary>
    public BpeTokenizer Tokenizer { get; }

    /// <summary>Tokens that end an answer.</summary>
    public int[] EndTokens { get; }

    /// <summary>Tokens that an answer never contains.</summary>
    public int[] NeverSampled { get; }

    /// <summary>Reads the format of a checkpoint's folder: its chat template, and the end tokens of <c>generation_config.json</c>, <c>config.json</c> or <c>tokenizer_config.json</c>, the first that names any.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="tokenizer">Its tokenizer.</param>
    /// <param name="vocabulary">Rows of its embedding.</param>
    /// <exception cref="InvalidDataException">There is no template or no end token; the message names the files.</exception>
    public static ChatFormat Load(string folder, BpeTokenizer tokenizer, int vocabulary)
    {
        int[] end = [.. Ids(Json(folder, GenerationFile)["eos_token_id"])];
        end = end.Length > 0 ? end : [.. Ids(Json(folder, CheckpointFolder.ConfigFile)["eos_token_id"])];
        if (end.Length == 0 && Json(folder, CheckpointFolder.TokenizerConfigFile)["eos_token"] is { } named)
        {
            var text = (named as JsonObject)?["content"] ?? named;
            end = text is JsonValue value && value.TryGetValue<string>(out var token) && tokenizer.SpecialTokens.Contains(token, StringComparer.Ordinal) ? [tokenizer.TokenId(token)] : [];
        }

        return end.Length > 0 && end.All(id => id >= 0 && id < vocabulary)
            ? new ChatFormat(tokenizer, ChatTemplate.Load(folder), end, vocabulary)
            : throw new InvalidDataException($"{folder} names no token that ends an answer: put eos_token_id into {GenerationFile}, as on the model's page.");
    }

    /// <summary>Reads the format that a GGUF file carries: its chat template and its end token.</summary>
    /// <param name="path">The file.</param>
    /// <param name="tokenizer">Its tokenizer.</param>
    /// <param name="vocabulary">Rows of its embedding.</param>
    /// <exception cref="InvalidDataException">It has no template or no end token.</exception>
    public static ChatFormat OfGguf(string path, BpeTokenizer tokenizer, int vocabulary)
    {
        using var file = GgufFile.Open(path);
        var tokens = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var name in new[] { "bos", "eos" })
        {
            if (file.Whole($"tokenizer.ggml.{name}_token_id") is >= 0 and var id && id < tokenizer.VocabularySize)
            {
                tokens[name + "_token"] = tokenizer.Decode([id], skipSpecial: false);
            }
        }

        return file.Find<string>("tokenizer.chat_template") is { } template && file.Whole("tokenizer.ggml.eos_token_id") is >= 0 and var end && end < vocabulary
            ? new ChatFormat(tokenizer, ChatTemplate.Parse(template, tokens, path), [end], vocabulary)
            : throw new InvalidDataException($"{path} has no chat template or names no token that ends an answer: use a file of a model made for conversation.");
    }

    /// <summary>A prompt to the point where the answer begins. What the user part says can fake no turn.</summary>
    /// <param name="prompt">Instructions, which are ours, and the task with its material, which is not.</param>
    /// <param name="thinking">Whether the model may think first; false asks templates that know the switch for the answer at once.</param>
    public int[] Prompt(TextPrompt prompt, bool thinking = true)
    {
        ArgumentNullException.ThrowIfNull(prompt);
        List<ChatMessage> messages = [new("user", prompt.User)];
        if (prompt.System.Length > 0)
        {
            messages.Insert(0, new("system", prompt.System) { IsTrusted = true });
        }

        return Prompt(messages, thinking);
    }

    /// <summary>A conversation to the point where the next answer begins.</summary>
    /// <param name="messages">Its messages; those that are not trusted can fake no turn.</param>
    /// <param name="thinking">Whether the model may think first.</param>
    public int[] Prompt(IReadOnlyList<ChatMessage> messages, bool thinking = true) =>
        Tokenizer.Encode(template.Render(messages, addGenerationPrompt: true, thinking ? null : new JsonObject { ["enable_thinking"] = false }));

    /// <summary>An answer's tokens as text, its end token left out.</summary>
    public string Text(IEnumerable<int> tokens) => Tokenizer.Decode(tokens.Where(token => !EndTokens.Contains(token)).ToArray(), skipSpecial: false);

    private static IEnumerable<int> Ids(JsonNode? node) => node switch
    {
        JsonArray several => several.SelectMany(Ids),
        JsonValue value when value.TryGetValue<int>(out var id) => [id],
        _ => [],
    };

    private static JsonObject Json(string folder, string name)
    {
        var path = Path.Combine(folder, name);
        return File.Exists(path) && JsonFile.ReadNode(path) is JsonObject document ? document : [];
    }
}
