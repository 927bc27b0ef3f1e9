using System.Text.Json;
using System.Text.RegularExpressions;

namespace CoScientist.Training.Tokenization;

/// <summary>The steps before the merges: <c>normalizer</c> and <c>pre_tokenizer</c> of a <c>tokenizer.json</c>.</summary>
internal static class TokenizerSteps
{
    private const string Remedy = "Use a model with a byte-level BPE tokenizer, as of GPT-2, Qwen or Llama 3.";

    /// <summary>Reads both.</summary>
    /// <exception cref="TokenizerFault">A step is unknown.</exception>
    public static PreTokenizer Read(JsonElement root)
    {
        var patterns = new List<string>();
        var addPrefixSpace = false;
        var steps = Steps(root, "pre_tokenizer", "pretokenizers");
        for (var i = 0; i < steps.Count; i++)
        {
            switch (Type(steps[i]))
            {
                case "Split":
                    patterns.Add(SplitPattern(steps[i], i));
                    break;
                case "Digits":
                    patterns.Add(Flag(steps[i], "individual_digits", fallback: false) ? @"\p{N}" : @"\p{N}+");
                    break;
                case "ByteLevel" when i == steps.Count - 1:
                    addPrefixSpace = Flag(steps[i], "add_prefix_space", fallback: true);
                    if (Flag(steps[i], "use_regex", fallback: true))
                    {
                        patterns.Add(PreTokenizer.Gpt2Pattern);
                    }

                    break;
                case var type:
                    throw new TokenizerFault($"step {i} of pre_tokenizer is \"{type}\"; supported are Split and Digits, then ByteLevel last. {Remedy}");
            }
        }

        if (steps.Count == 0 || Type(steps[^1]) != "ByteLevel")
        {
            throw new TokenizerFault($"pre_tokenizer does not end in ByteLevel. {Remedy}");
        }

        if (addPrefixSpace && steps.Count > 1)
        {
            throw new TokenizerFault($"pre_tokenizer adds a space before every piece (ByteLevel.add_prefix_space after other steps), which is not supported. {Remedy}");
        }

        try
        {
            return new PreTokenizer(patterns, Composed(root), addPrefixSpace);
        }
        catch (RegexParseException exception)
        {
            throw new TokenizerFault($"a pattern of pre_tokenizer is not supported: {exception.Message} {Remedy}");
        }
    }

    private static bool Composed(JsonElement root)
    {
        var steps = Steps(root, "normalizer", "normalizers");
        return steps.TrueForAll(step => Type(step) == "NFC")
            ? steps.Count > 0
            : throw new TokenizerFault($"normalizer is \"{string.Join(", ", steps.Select(Type))}\"; only NFC or none is supported. {Remedy}");
    }

    private static string SplitPattern(JsonElement step, int index)
    {
        if (Flag(step, "invert", fallback: false) || !step.TryGetProperty("behavior", out var behavior) || behavior.ToString() != "Isolated")
        {
            throw new TokenizerFault($"step {index} of pre_tokenizer splits in another way than \"Isolated\", \"invert\": false, which is not supported. {Remedy}");
        }

        if (step.TryGetProperty("pattern", out var pattern) && pattern.ValueKind == JsonValueKind.Object)
        {
            if (pattern.TryGetProperty("Regex", out var regex) && regex.ValueKind == JsonValueKind.String)
            {
                return regex.GetString()!;
            }

            if (pattern.TryGetProperty("String", out var text) && text.ValueKind == JsonValueKind.String)
            {
                return Regex.Escape(text.GetString()!);
            }
        }

        throw new TokenizerFault($"step {index} of pre_tokenizer has no pattern {{\"Regex\": …}} or {{\"String\": …}}.");
    }

    /// <summary>A step, the steps of a sequence, or none.</summary>
    private static List<JsonElement> Steps(JsonElement root, string name, string sequence)
    {
        if (!root.TryGetProperty(name, out var step) || step.ValueKind == JsonValueKind.Null)
        {
            return [];
        }

        return Type(step) == "Sequence" && step.TryGetProperty(sequence, out var steps) && steps.ValueKind == JsonValueKind.Array
            ? [.. steps.EnumerateArray()]
            : [step];
    }

    private static string Type(JsonElement step) =>
        step.ValueKind == JsonValueKind.Object && step.TryGetProperty("type", out var type) ? type.ToString() : step.GetRawText();

    private static bool Flag(JsonElement step, string name, bool fallback) =>
        step.TryGetProperty(name, out var value) ? value.ValueKind == JsonValueKind.True : fallback;
}
