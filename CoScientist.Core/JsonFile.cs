using System.Text.Json;
using System.Text.Json.Nodes;

namespace CoScientist.Core;

/// <summary>The small JSON files of a model's folder: what is no JSON is a fault that names the file.</summary>
public static class JsonFile
{
    /// <summary>Reads a file as a document. The caller disposes it.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="InvalidDataException">It is no JSON; names the file, line and byte.</exception>
    public static JsonDocument Read(string path) => Parse(File.ReadAllBytes(path), path);

    /// <summary>Parses the content of a file as a document. The caller disposes it.</summary>
    /// <param name="json">The content.</param>
    /// <param name="source">The file's name, for the message.</param>
    /// <exception cref="InvalidDataException">It is no JSON; names the file, line and byte.</exception>
    public static JsonDocument Parse(ReadOnlyMemory<byte> json, string source) => Told(source, () => JsonText.Parse(WithoutMark(json)));

    /// <summary>Reads a file as nodes.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="InvalidDataException">It is no JSON, or gives a property twice; names the file, line and byte.</exception>
    public static JsonNode? ReadNode(string path) => ParseNode(File.ReadAllBytes(path), path);

    /// <summary>Parses the content of a file as nodes.</summary>
    /// <param name="json">The content.</param>
    /// <param name="source">The file's name, for the message.</param>
    /// <exception cref="InvalidDataException">It is no JSON, or gives a property twice; names the file, line and byte.</exception>
    public static JsonNode? ParseNode(ReadOnlyMemory<byte> json, string source) => Told(source, () => JsonText.ParseNode(WithoutMark(json).Span));

    private static ReadOnlyMemory<byte> WithoutMark(ReadOnlyMemory<byte> json) => json.Span.StartsWith("\uFEFF"u8) ? json[3..] : json;

    private static T Told<T>(string source, Func<T> parse)
    {
        try
        {
            return parse();
        }
        catch (JsonException fault)
        {
            throw new InvalidDataException($"{source} is not JSON: {fault.Message} Get the file again.", fault);
        }
    }
}
