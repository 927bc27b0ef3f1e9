using System.Text.Json;
using CoScientist.Core.TextModels;

namespace CoScientist.Core.Extraction.Pipelines;

/// <summary>
/// Asks a model for JSON until it can be read. The first try is greedy; the later ones take other seeds and some temperature, so
/// that they can come out differently. What was asked and with which seed depends on nothing but the paper and the seed.
/// </summary>
/// <param name="subject">What it is about, for messages: the title of a paper, or how a goal begins.</param>
/// <param name="seed">Seed of the first try.</param>
/// <param name="remedy">What to do where no answer can be read. Default: what helps an extraction.</param>
internal sealed class ModelDialogue(string subject, long seed, string remedy = ModelDialogue.ExtractionRemedy)
{
    private const string ExtractionRemedy = $"Try it again, use a model that follows instructions better, or the drafter (extract --model {ExtractiveDrafter.Name}).";
    private const int Attempts = 3;
    private const int MaxTokens = 8192;
    private const double RetryTemperature = 0.7;

    /// <summary>One question.</summary>
    /// <param name="model">Who is asked.</param>
    /// <param name="prompt">The question.</param>
    /// <param name="read">Reads the object; throws <see cref="FormatException"/> saying what is wrong with it.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="TextModelException">The model cannot be reached or refuses, whatever it is asked.</exception>
    /// <exception cref="ExtractionException">No answer was given, or none could be read.</exception>
    public async Task<T> AskAsync<T>(ITextModel model, TextPrompt prompt, Func<JsonElement, T> read, CancellationToken cancellationToken)
    {
        Exception? last = null;
        var unread = new List<TextCompletion>();
        for (var attempt = 0; attempt < Attempts; attempt++)
        {
            var options = new TextSamplingOptions { Temperature = attempt == 0 ? 0 : RetryTemperature, MaxTokens = MaxTokens, Seed = seed + attempt };
            var answer = (await model.CompleteAsync([prompt with { Subject = subject }], options, cancellationToken))[0];
            if (answer.Failure is { } failure)
            {
                throw new ExtractionException($"Model '{model.Name}' gave no answer for \"{subject}\": {failure.TrimEnd('.')}. {remedy}");
            }

            try
            {
                using var document = JsonText.Parse(JsonPart(answer.Text));
                return read(document.RootElement);
            }
            catch (Exception fault) when (fault is JsonException or FormatException or KeyNotFoundException or InvalidOperationException)
            {
                unread.Add(answer);
                last = answer.Finish == FinishReason.Length ? new FormatException($"it was cut off at {MaxTokens} tokens.") : fault;
            }
        }

        // Kept, they would fail the paper again however often it is tried.
        foreach (var answer in unread)
        {
            await answer.RejectAsync("it is not in the form that was asked for", cancellationToken);
        }

        throw new ExtractionException($"Model '{model.Name}' answered {Attempts} times in a form that cannot be read for \"{subject}\" (last: {last!.Message}) {remedy}", last);
    }

    /// <summary>A text of an object.</summary>
    /// <exception cref="FormatException">It is missing or empty.</exception>
    public static string Text(JsonElement element, string name) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String && value.GetString()!.Trim() is { Length: > 0 } text
            ? text
            : throw new FormatException($"'{name}' is missing or empty.");

    /// <summary>A text of an object that may lack it.</summary>
    public static string? TextOrNull(JsonElement element, string name) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    /// <summary>A list of an object.</summary>
    /// <exception cref="FormatException">It is missing or no list.</exception>
    public static IEnumerable<JsonElement> List(JsonElement element, string name) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Array
            ? value.EnumerateArray()
            : throw new FormatException($"the list '{name}' is missing.");

    /// <summary>Distinct whole numbers of a list, from 1 to the last allowed.</summary>
    /// <exception cref="FormatException">It is missing, or something in it is no such number.</exception>
    public static IReadOnlyList<int> Numbers(JsonElement element, string name, int last)
    {
        var numbers = List(element, name).Select(value => value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number) && number >= 1 && number <= last ? number : 0).Distinct().ToList();
        return numbers.Contains(0) ? throw new FormatException($"'{name}' holds something that is no number from 1 to {last}.") : numbers;
    }

    // Models like to put fences or a sentence around what they were asked for.
    private static string JsonPart(string text)
    {
        var start = text.IndexOf('{', StringComparison.Ordinal);
        var end = text.LastIndexOf('}');
        return start >= 0 && end > start ? text[start..(end + 1)] : throw new FormatException("there is no JSON object in it.");
    }
}
