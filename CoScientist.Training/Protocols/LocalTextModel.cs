using CoScientist.Core.TextModels;
using CoScientist.Training.Engines;
using CoScientist.Training.Sampling;
using FinishReason = CoScientist.Core.TextModels.FinishReason;

namespace CoScientist.Training.Protocols;

/// <summary>A local checkpoint that answers prompts, as a model server would. One caller at a time.</summary>
/// <param name="name">Name recorded with what it produces.</param>
/// <param name="engine">Its weights.</param>
/// <param name="chat">How it is spoken to.</param>
public sealed class LocalTextModel(string name, ISamplingEngine engine, ChatFormat chat) : ITextModel
{
    /// <inheritdoc/>
    public string Name => name;

    /// <summary>Completes a batch, on the calling thread. A prompt that leaves no room for an answer is answered with nothing, cut off.</summary>
    public Task<IReadOnlyList<TextCompletion>> CompleteAsync(IReadOnlyList<TextPrompt> prompts, TextSamplingOptions options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(prompts);
        ArgumentNullException.ThrowIfNull(options);
        var tokens = prompts.Select(prompt => chat.Prompt(prompt)).ToArray();
        var answers = tokens.Select(prompt => new TextCompletion("", FinishReason.Length, prompt.Length, 0)).ToArray();

        // Prompts of one room for the answer go together: the limit is one for a batch.
        var rooms = tokens.Select((prompt, i) => (Index: i, Room: Math.Min(options.MaxTokens, engine.Config.MaxPositions - prompt.Length))).Where(prompt => prompt.Room > 0);
        foreach (var group in rooms.GroupBy(prompt => prompt.Room, prompt => prompt.Index))
        {
            int[] indices = [.. group];
            var sampling = new SamplingOptions
            {
                Temperature = options.Temperature,
                TopP = options.TopP,
                MaxNewTokens = group.Key,
                EndTokens = chat.EndTokens,
                BannedTokens = chat.NeverSampled,
                StopStrings = [.. options.Stop],
            };
            var requests = indices.Select(i => new SampleRequest { Prompt = tokens[i], Seed = options.Seed + i }).ToArray();
            foreach (var sample in engine.Sample(requests, sampling, cancellationToken))
            {
                var i = indices[sample.Request];
                answers[i] = new TextCompletion(sample.TextBeforeStop ?? chat.Text(sample.Tokens), sample.Ended ? FinishReason.Stop : FinishReason.Length, tokens[i].Length, sample.Tokens.Length);
            }
        }

        return Task.FromResult<IReadOnlyList<TextCompletion>>(answers);
    }
}
