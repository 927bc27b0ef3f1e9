using System.Collections.Concurrent;
using CoScientist.Core.TextModels;

namespace CoScientist.Tests.Shared;

/// <summary>What stands where a server would: asked for one prompt at a time, answers by a script that sees the prompt, the options and which try of this prompt it is, from 1.</summary>
internal sealed class WireModel(Func<TextPrompt, TextSamplingOptions, int, Task<TextCompletion>> script) : ITextModel
{
    private readonly ConcurrentDictionary<string, int> tries = new(StringComparer.Ordinal);
    private int underWay;

    public WireModel(Func<TextPrompt, int, TextCompletion> script)
        : this((prompt, _, attempt) => Task.FromResult(script(prompt, attempt)))
    {
    }

    public string Name => "wire";

    public ConcurrentQueue<(TextPrompt Prompt, TextSamplingOptions Options)> Calls { get; } = [];

    /// <summary>Most calls that were under way at once.</summary>
    public int MostUnderWay { get; private set; }

    public static TextCompletion Answer(string text = "yes", int promptTokens = 10, int completionTokens = 20, FinishReason finish = FinishReason.Stop) => new(text, finish, promptTokens, completionTokens);

    public static TextModelException Fault(CallOutcome outcome, TimeSpan? retryAfter = null) => new("wire", $"it is {outcome}. Mend it.") { Outcome = outcome, RetryAfter = retryAfter };

    public async Task<IReadOnlyList<TextCompletion>> CompleteAsync(IReadOnlyList<TextPrompt> prompts, TextSamplingOptions options, CancellationToken cancellationToken)
    {
        var prompt = Assert.Single(prompts);
        Calls.Enqueue((prompt, options));
        lock (tries)
        {
            MostUnderWay = Math.Max(MostUnderWay, ++underWay);
        }

        try
        {
            return [await script(prompt, options, tries.AddOrUpdate(prompt.User, 1, (_, before) => before + 1))];
        }
        finally
        {
            lock (tries)
            {
                underWay--;
            }
        }
    }
}
