using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using CoScientist.Core;
using CoScientist.Training.Tokenization;

namespace CoScientist.Training.Chat;

/// <summary>One message of a conversation.</summary>
/// <param name="Role">Who speaks: <c>system</c>, <c>user</c>, <c>assistant</c> or <c>tool</c>.</param>
/// <param name="Content">What is said.</param>
public sealed record ChatMessage(string Role, string Content)
{
    /// <summary>An assistant's reasoning, apart from its answer; null for none.</summary>
    public string? Reasoning { get; init; }

    /// <summary>An assistant's calls of tools, as the template expects them; null for none.</summary>
    public JsonArray? ToolCalls { get; init; }

    /// <summary>Whether control tokens that the content spells are meant. Default: they are not, so that no text of others can fake a turn.</summary>
    public bool IsTrusted { get; init; }
}

/// <summary>
/// The chat template of a model: how a conversation becomes its prompt. The part of Jinja that such templates use is
/// evaluated here; a template can reach nothing but the messages, and what it does is bounded.
/// </summary>
public sealed class ChatTemplate
{
    /// <summary>Name of the file with the template.</summary>
    public const string FileName = "chat_template.jinja";

    private const string ConfigFile = "tokenizer_config.json";
    private const long LargestFile = 64L << 20;

    private readonly string source;
    private readonly IReadOnlyList<Node> nodes;
    private readonly IReadOnlyDictionary<string, string> specialTokens;

    private ChatTemplate(string source, string template, IReadOnlyDictionary<string, string> tokens)
    {
        this.source = source;
        specialTokens = tokens;
        nodes = TemplateParser.Parse(source, template);
    }

    /// <summary>Reads <c>chat_template.jinja</c>, or else <c>chat_template</c> of <c>tokenizer_config.json</c>, from a checkpoint's folder.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="name">Which template, where the configuration lists several.</param>
    /// <exception cref="InvalidDataException">There is none, or it uses something unknown; names the file, the line and the construct.</exception>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public static ChatTemplate Load(string folder, string name = "default")
    {
        var configPath = Path.Combine(folder, ConfigFile);
        var config = File.Exists(configPath) && JsonFile.ParseNode(Encoding.UTF8.GetBytes(Read(configPath)), configPath) is JsonObject settings ? settings : [];
        var tokens = SpecialTokens(config);
        var path = Path.Combine(folder, FileName);
        if (name == "default" && File.Exists(path))
        {
            return new ChatTemplate(path, Read(path), tokens);
        }

        var template = config["chat_template"] switch
        {
            JsonValue single when name == "default" => AsText(single),
            JsonArray several => several.OfType<JsonObject>().Where(entry => AsText(entry["name"]) == name).Select(entry => AsText(entry["template"])).FirstOrDefault(),
            _ => null,
        };
        return template is not null
            ? new ChatTemplate($"{configPath} (chat_template)", template, tokens)
            : throw new InvalidDataException($"{folder} has no chat template \"{name}\", neither {FileName} nor chat_template in {ConfigFile}; copy the file from the model's page, or use a model made for conversation.");
    }

    /// <summary>A template from its text.</summary>
    /// <param name="template">The template.</param>
    /// <param name="tokens">Texts of tokens that it may name, such as <c>bos_token</c>; null for none.</param>
    /// <param name="source">Its name, for messages.</param>
    /// <exception cref="InvalidDataException">It uses something unknown; names the line and the construct.</exception>
    public static ChatTemplate Parse(string template, IReadOnlyDictionary<string, string>? tokens = null, string source = "the chat template")
    {
        ArgumentNullException.ThrowIfNull(template);
        return new ChatTemplate(source, template, tokens ?? new Dictionary<string, string>(StringComparer.Ordinal));
    }

    /// <summary>
    /// A conversation as the model's prompt, in segments: what the template says, and what others wrote. Give them to
    /// <see cref="BpeTokenizer.Encode(IReadOnlyList{TextSegment})"/>, which lets only the template's text be control tokens.
    /// </summary>
    /// <param name="messages">The conversation.</param>
    /// <param name="addGenerationPrompt">Whether the prompt ends where the assistant's next answer begins.</param>
    /// <param name="variables">Further variables, such as <c>enable_thinking</c>, <c>tools</c> or <c>date_string</c>; their texts are content. Null for none.</param>
    /// <param name="time">The clock for templates that name the date; the system's when null.</param>
    /// <exception cref="InvalidDataException">The template refuses the messages, uses something unknown or does too much; names the line.</exception>
    public IReadOnlyList<TextSegment> Render(IEnumerable<ChatMessage> messages, bool addGenerationPrompt, JsonObject? variables = null, TimeProvider? time = null)
    {
        ArgumentNullException.ThrowIfNull(messages);
        var values = new Dictionary<string, object?>(StringComparer.Ordinal) { ["tools"] = null, ["documents"] = null };
        foreach (var (name, text) in specialTokens)
        {
            values[name] = MarkedString.Own(text);
        }

        foreach (var (name, value) in variables ?? [])
        {
            values[name] = TemplateValues.From(value, MarkedString.Content);
        }

        values["messages"] = messages.Select(Message).ToList();
        values["add_generation_prompt"] = addGenerationPrompt;
        return new TemplateRun(source, time ?? TimeProvider.System).Render(nodes, values);
    }

    private static object? Message(ChatMessage message)
    {
        Func<string, MarkedString> text = message.IsTrusted ? MarkedString.Own : MarkedString.Content;
        var map = TemplateValues.Map([new("role", MarkedString.Content(message.Role)), new("content", text(message.Content))]);
        if (message.Reasoning is not null)
        {
            map["reasoning_content"] = text(message.Reasoning);
        }

        if (message.ToolCalls is not null)
        {
            map["tool_calls"] = TemplateValues.From(message.ToolCalls, text);
        }

        return map;
    }

    private static Dictionary<string, string> SpecialTokens(JsonObject config)
    {
        var tokens = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, value) in config)
        {
            // Either the text or, in older files, an object with it.
            if (name.EndsWith("_token", StringComparison.Ordinal) && AsText(value is JsonObject described ? described["content"] : value) is { } text)
            {
                tokens[name] = text;
            }
        }

        return tokens;
    }

    private static string? AsText(JsonNode? node) => node is JsonValue value && value.GetValueKind() == JsonValueKind.String ? value.GetValue<string>() : null;

    private static string Read(string path)
    {
        var length = new FileInfo(path).Length;
        return length <= LargestFile ? File.ReadAllText(path) : throw new InvalidDataException($"{path} has {length} bytes, too many for a template; get the file again.");
    }
}
