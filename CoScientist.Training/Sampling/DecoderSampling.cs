using System.Text;
using CoScientist.Training.Kernels;
using CoScientist.Training.Model;
using CoScientist.Training.Tensors;
using CoScientist.Training.Tokenization;

namespace CoScientist.Training.Sampling;

/// <summary>Sampling by the rules of <see cref="SamplingOptions"/> where another runtime computes the logits: batch after batch, all samples of a batch in step.</summary>
/// <param name="config">Shape of the model.</param>
/// <param name="tokenizer">Its tokenizer, for stop strings.</param>
/// <param name="decoder">Computes the logits.</param>
internal sealed unsafe class DecoderSampling(ModelConfig config, BpeTokenizer tokenizer, IDecoder decoder) : IDisposable
{
    private readonly ScratchBuffer rows = new();
    private readonly ScratchBuffer memory = new();

    /// <summary>See <see cref="Engines.ISamplingEngine.Sample"/>.</summary>
    /// <exception cref="ArgumentException">Options or requests make no sense for the model.</exception>
    public IReadOnlyList<SampledSequence> Sample(IReadOnlyList<SampleRequest> requests, SamplingOptions options, CancellationToken cancellationToken)
    {
        options.Validate(config.VocabularySize);
        var samples = LineUp(requests, options);
        for (var at = 0; at < samples.Count;)
        {
            var longest = samples.Skip(at).Max(sample => sample.Sequence.Length) + options.MaxNewTokens;
            var count = Math.Min(decoder.RowsFor(longest), samples.Count - at);
            Batch(samples.GetRange(at, count), cancellationToken);
            at += count;
        }

        return [.. samples.Select(sample => sample.Draft.Result())];
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        rows.Dispose();
        memory.Dispose();
    }

    private List<Lined> LineUp(IReadOnlyList<SampleRequest> requests, SamplingOptions options)
    {
        byte[][] stops = [.. options.StopStrings.Distinct(StringComparer.Ordinal).Select(Encoding.UTF8.GetBytes)];
        var samples = new List<Lined>();
        for (var r = 0; r < requests.Count; r++)
        {
            var request = requests[r];
            request.Check(r, config, options.MaxNewTokens);
            for (var b = 0; b < Math.Max(1, request.Branches.Count); b++)
            {
                int[] sequence = request.Branches.Count == 0 ? request.Prompt : [.. request.Prompt, .. request.Branches[b]];
                for (var s = 0; s < request.Count; s++)
                {
                    var draft = new SampleDraft(new SamplePlace(r, b, s), request.Seed, options, config.VocabularySize, stops.Length == 0 ? null : new StopStringMatcher(stops, TextOf));
                    draft.See(sequence);
                    samples.Add(new Lined(draft, sequence));
                }
            }
        }

        return samples;
    }

    private ReadOnlySpan<byte> TextOf(int token) => tokenizer.IsSpecial(token) || token >= tokenizer.VocabularySize ? [] : tokenizer.TokenBytes(token);

    /// <summary>Draws samples to their ends; those of one sequence follow each other and have it read once.</summary>
    private void Batch(List<Lined> batch, CancellationToken cancellationToken)
    {
        var sequences = new List<int[]>();
        var running = new List<(SampleDraft Draft, int Row)>(batch.Count);
        foreach (var (draft, sequence) in batch)
        {
            if (sequences.Count == 0 || sequences[^1] != sequence)
            {
                sequences.Add(sequence);
            }

            running.Add((draft, sequences.Count - 1));
        }

        cancellationToken.ThrowIfCancellationRequested();
        decoder.Read(sequences, Logits(sequences.Count));
        while (true)
        {
            foreach (var (draft, row) in running)
            {
                Draw(draft, row);
            }

            running.RemoveAll(sample => sample.Draft.IsDone);
            if (running.Count == 0)
            {
                return;
            }

            cancellationToken.ThrowIfCancellationRequested();
            int[] parents = [.. running.Select(sample => sample.Row)];
            int[] tokens = [.. running.Select(sample => sample.Draft.LastToken)];
            decoder.Continue(parents, tokens, Logits(running.Count));
            for (var i = 0; i < running.Count; i++)
            {
                running[i] = (running[i].Draft, i);
            }
        }
    }

    private Span<float> Logits(int count) => new(memory.Get((long)count * config.VocabularySize), count * config.VocabularySize);

    private void Draw(SampleDraft draft, int at)
    {
        var stride = MatMul.Padded(config.VocabularySize);
        var row = rows.Get(2L * stride);
        var logits = memory.Get((long)(at + 1) * config.VocabularySize) + ((long)at * config.VocabularySize);
        draft.Draw(row, row + stride, SampleDraft.Distribution(logits, config.VocabularySize, draft.Options, row));
    }

    private sealed record Lined(SampleDraft Draft, int[] Sequence);
}
