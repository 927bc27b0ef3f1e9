using System.Security.Cryptography;
using System.Text;

namespace CoScientist.Core.Extraction.Pipelines;

/// <summary>The prompts of the pipelines: text files beside the code.</summary>
internal static class PromptFiles
{
    /// <summary>A prompt with its numbers filled in.</summary>
    public static string Read(string name, params IReadOnlyList<(string Name, int Value)> values) =>
        values.Aggregate(EmbeddedText.Read($"Prompts.{name}").Trim(), (text, value) => text.Replace($"{{{value.Name}}}", $"{value.Value}", StringComparison.Ordinal));

    /// <summary>Content hash of prompts: 16 hexadecimal digits.</summary>
    public static string Version(params IEnumerable<string> prompts) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join("\n=====\n", prompts))))[..16];
}
