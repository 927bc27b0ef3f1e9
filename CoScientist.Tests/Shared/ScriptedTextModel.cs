using CoScientist.Core.TextModels;

namespace CoScientist.Tests.Shared;

/// <summary>A text model that answers by a script and remembers what it was asked.</summary>
public sealed class ScriptedTextModel(Func<TextPrompt, int, TextCompletion> script) : ITextModel
{
    /// <summary>The script sees the prompt and how many batches came before.</summary>
    public ScriptedTextModel(Func<TextPrompt, int, string> script)
        : this((prompt, batch) => Answer(script(prompt, batch)))
    {
    }

    public string Name => "scripted";

    /// <summary>Every batch so far.</summary>
    public List<(IReadOnlyList<TextPrompt> Prompts, TextSamplingOptions Options)> Batches { get; } = [];

    public static TextCompletion Answer(string text, FinishReason finish = FinishReason.Stop) => new(text, finish, 10, 20);

    public Task<IReadOnlyList<TextCompletion>> CompleteAsync(IReadOnlyList<TextPrompt> prompts, TextSamplingOptions options, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        Batches.Add((prompts, options));
        return Task.FromResult<IReadOnlyList<TextCompletion>>([.. prompts.Select(prompt => script(prompt, Batches.Count - 1))]);
    }
}
