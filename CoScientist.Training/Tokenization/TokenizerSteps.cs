using System.Text.Json;
using System.Text.RegularExpressions;
using static CoScientist.Training.Tokenization.TokenizerJson;

namespace CoScientist.Training.Tokenization;

/// <summary>The steps around the merges: <c>normalizer</c>, <c>pre_tokenizer</c>, <c>post_processor</c> and <c>decoder</c>.</summary>
internal static class TokenizerSteps
{
    private const int MostSteps = 20;
    private const string Remedy = "Use a model with a byte-level BPE tokenizer, as of GPT-2, Qwen or Llama 3.";

    /// <summary>Whether text is brought to normalisation form C.</summary>
    /// <exception cref="TokenizerFault">Another normalizer is asked for.</exception>
    public static bool ReadComposed(JsonElement root)
    {
        var steps = Steps(root, "normalizer", "normalizers");
        return steps.TrueForAll(step => Type(step) == "NFC")
            ? steps.Count > 0
            : throw new TokenizerFault($"normalizer is \"{string.Join(", ", steps.Select(Type))}\"; only NFC or none is supported. {Remedy}");
    }

    /// <summary>The cuts.</summary>
    /// <exception cref="TokenizerFault">A step is unknown.</exception>
    public static PreTokenizer ReadPreTokenizer(JsonElement root)
    {
        var steps = Steps(root, "pre_tokenizer", "pretokenizers");
        if (steps.Count > MostSteps)
        {
            throw new TokenizerFault($"pre_tokenizer has {steps.Count} steps; at most {MostSteps} are accepted.");
        }

        var cuts = new List<(string Pattern, SplitBehavior Behavior, bool Invert)>();
        for (var i = 0; i < steps.Count; i++)
        {
            switch (Type(steps[i]))
            {
                case "Split":
                    cuts.Add(Split(steps[i], i));
                    break;
                case "Digits":
                    cuts.Add((@"\p{N}", Flag(steps[i], "individual_digits") ? SplitBehavior.Isolated : SplitBehavior.Contiguous, false));
                    break;
                case "ByteLevel" when i == steps.Count - 1:
                    break;
                case var type:
                    throw new TokenizerFault($"step {i} of pre_tokenizer is \"{type}\"; supported are Split and Digits, then ByteLevel last. {Remedy}");
            }
        }

        if (steps.Count == 0 || Type(steps[^1]) != "ByteLevel")
        {
            throw new TokenizerFault($"pre_tokenizer does not end in ByteLevel. {Remedy}");
        }

        // A last cut by one of the usual patterns is made by hand; a space before each piece comes after the other cuts.
        var prefix = Flag(steps[^1], "add_prefix_space", fallback: true);
        WordScanner? scanner = null;
        if (Flag(steps[^1], "use_regex", fallback: true))
        {
            scanner = WordScanner.For(WordScanner.Gpt2Pattern);
        }
        else if (!prefix && cuts is [.., (var last, SplitBehavior.Isolated, false)] && (scanner = WordScanner.For(last)) is not null)
        {
            cuts.RemoveAt(cuts.Count - 1);
        }

        try
        {
            return new PreTokenizer(cuts.ConvertAll(cut => new SplitStep(cut.Pattern, cut.Behavior, cut.Invert)), prefix, scanner);
        }
        catch (RegexParseException exception)
        {
            throw new TokenizerFault($"a pattern of pre_tokenizer is not supported: {exception.Message} {Remedy}");
        }
    }

    /// <summary>The ids that the file's template puts before and after a text.</summary>
    /// <exception cref="TokenizerFault">A processor is unknown, or its template is not tokens around one text.</exception>
    public static (int[] Before, int[] After) ReadTemplate(JsonElement root, Func<string, int?> tokenId)
    {
        var (before, after) = (new List<int>(), new List<int>());
        foreach (var step in Steps(root, "post_processor", "processors"))
        {
            switch (Type(step))
            {
                case "ByteLevel":
                    break;
                case "TemplateProcessing":
                    Template(step, before, after);
                    break;
                case "RobertaProcessing":
                    before.Insert(0, Known(step, "cls"));
                    after.Add(Known(step, "sep"));
                    break;
                case var type:
                    throw new TokenizerFault($"post_processor is \"{type}\"; supported are ByteLevel, TemplateProcessing and RobertaProcessing. {Remedy}");
            }
        }

        return ([.. before], [.. after]);

        int Known(JsonElement step, string name) =>
            Member(step, name, JsonValueKind.Array) is { } pair && pair.GetArrayLength() == 2 && pair[0].ValueKind == JsonValueKind.String && tokenId(pair[0].GetString()!) is { } id
                ? id
                : throw new TokenizerFault($"post_processor.{name} is not a known token with its id.");
    }

    /// <summary>Checks the decoder.</summary>
    /// <exception cref="TokenizerFault">It is not ByteLevel.</exception>
    public static void CheckDecoder(JsonElement root)
    {
        if (Steps(root, "decoder", "decoders").Find(step => Type(step) != "ByteLevel") is { ValueKind: not JsonValueKind.Undefined } other)
        {
            throw new TokenizerFault($"decoder is \"{Type(other)}\"; only ByteLevel is supported. {Remedy}");
        }
    }

    private static (string Pattern, SplitBehavior Behavior, bool Invert) Split(JsonElement step, int index)
    {
        var name = Text(step, "behavior");
        if (!Enum.TryParse<SplitBehavior>(name, out var behavior) || behavior.ToString() != name)
        {
            throw new TokenizerFault($"step {index} of pre_tokenizer has the behavior \"{name}\"; known are {string.Join(", ", Enum.GetNames<SplitBehavior>())}.");
        }

        var pattern = Member(step, "pattern", JsonValueKind.Object) is { } given
            ? Text(given, "Regex") ?? (Text(given, "String") is { } text ? Regex.Escape(text) : null)
            : null;
        return (pattern ?? throw new TokenizerFault($"step {index} of pre_tokenizer has no pattern {{\"Regex\": …}} or {{\"String\": …}}."), behavior, Flag(step, "invert"));
    }

    private static void Template(JsonElement step, List<int> before, List<int> after)
    {
        const string Fault = "post_processor.single is not a list of special tokens around one sequence A. " + Remedy;
        var known = Member(step, "special_tokens", JsonValueKind.Object);
        var (start, end, seen) = (new List<int>(), new List<int>(), false);
        foreach (var piece in Member(step, "single", JsonValueKind.Array)?.EnumerateArray() ?? throw new TokenizerFault(Fault))
        {
            if (!seen && Member(piece, "Sequence", JsonValueKind.Object) is { } sequence && Text(sequence, "id") == "A")
            {
                seen = true;
            }
            else if (Member(piece, "SpecialToken", JsonValueKind.Object) is { } special && Text(special, "id") is { } name
                && known is { } map && Member(map, name, JsonValueKind.Object) is { } token && Member(token, "ids", JsonValueKind.Array) is { } ids)
            {
                (seen ? end : start).AddRange(ids.EnumerateArray().Select(id => Id(id) ?? throw NoId(id, $"post_processor.special_tokens[\"{name}\"]")));
            }
            else
            {
                throw new TokenizerFault(Fault);
            }
        }

        before.InsertRange(0, seen ? start : throw new TokenizerFault(Fault));
        after.AddRange(end);
    }
}
