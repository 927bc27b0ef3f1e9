using CoScientist.Training.Kernels;
using CoScientist.Training.Kernels.Mixed;
using CoScientist.Training.Model;
using CoScientist.Training.Tensors;

namespace CoScientist.Training.Sampling;

/// <summary>
/// Draws continuations in a running batch (continuous batching, as Orca does: Yu et al. 2022): every step advances all running
/// samples by one token and reads prompts with the rows that are left; a finished sample's place is taken by the next. A sample
/// depends on its request alone, not on what else is in the batch. One caller at a time; memory is kept for the next call.
/// </summary>
internal sealed unsafe class Sampler : IDisposable
{
    /// <summary>Rows whose logits exist at once.</summary>
    private const int HeadRows = 64;

    [ThreadStatic]
    private static ScratchBuffer? rowsOfThread;

    private readonly Transformer model;
    private readonly TokenText textOf;
    private readonly SamplerLimits limits;
    private readonly PagePool pages;
    private readonly CachedForward forward;
    private readonly LanguageHead head;
    private readonly ScratchBuffer hiddenMemory = new();
    private readonly ScratchBuffer logitMemory = new();
    private readonly List<DrawRow> draws = [];

    /// <summary>A sampler of a model.</summary>
    /// <param name="model">The model; its weights may change between calls.</param>
    /// <param name="textOf">Bytes of a token, for stop strings; null when there are none.</param>
    /// <param name="limits">What it may use; null for the defaults.</param>
    /// <exception cref="ArgumentException">The limits make no sense.</exception>
    public Sampler(Transformer model, TokenText? textOf = null, SamplerLimits? limits = null)
    {
        (this.model, this.limits) = (model, limits ?? new SamplerLimits());
        if (this.limits.Rows < 1 || this.limits.PageTokens < 1 || this.limits.PageTokens % MatMul.PanelWidth != 0)
        {
            throw new ArgumentException($"A sampler needs at least one row ({this.limits.Rows} given) and pages of a multiple of {MatMul.PanelWidth} tokens ({this.limits.PageTokens} given).", nameof(limits));
        }

        this.textOf = textOf ?? (_ => []);
        pages = new PagePool(model.Shape, model.Config.Layers, this.limits, half: model.Precision == Precision.Bfloat16);
        forward = new CachedForward(model, pages, this.limits.Rows);
        head = new LanguageHead(model);
    }

    private int Vocabulary => model.Config.VocabularySize;

    /// <summary>All continuations of all requests, in order of request, branch and sample.</summary>
    /// <exception cref="ArgumentException">Options or requests make no sense for the model, or a request is larger than the cache.</exception>
    public IReadOnlyList<SampledSequence> Sample(IReadOnlyList<SampleRequest> requests, SamplingOptions how, CancellationToken cancellationToken)
    {
        how.Validate(Vocabulary);
        // An earlier call may have been cancelled half-way.
        pages.Clear();
        var queue = new SampleQueue(requests, how, model.Config, limits.Rows, pages, textOf);
        while (!queue.IsFinished)
        {
            Advance(queue, cancellationToken);
        }

        return queue.Results;
    }

    /// <summary>Samples requests that come while others run, until all are done and no more have come.</summary>
    /// <param name="arrivals">Looked at before every step for what has come since; must not wait.</param>
    /// <param name="cancellationToken">Ends the work between steps; what was not done is never reported.</param>
    public void SampleLive(Func<IReadOnlyList<LiveRequest>> arrivals, CancellationToken cancellationToken)
    {
        pages.Clear();
        var queue = new SampleQueue([], new SamplingOptions(), model.Config, limits.Rows, pages, textOf);
        while (true)
        {
            foreach (var arrived in arrivals())
            {
                try
                {
                    queue.Add(arrived);
                }
                catch (ArgumentException fault)
                {
                    arrived.OnRefused(fault);
                }
            }

            if (queue.IsFinished)
            {
                return;
            }

            Advance(queue, cancellationToken);
        }
    }

    private void Advance(SampleQueue queue, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        queue.Join();
        Plan(queue);
        Step();
        queue.Advance();
    }

    public void Dispose()
    {
        forward.Dispose();
        head.Dispose();
        hiddenMemory.Dispose();
        logitMemory.Dispose();
        pages.Dispose();
    }

    /// <summary>
    /// Lays out a step: a row for each running sample, then prompts as far as rows go. What is drawn from stands in the same
    /// order, with prefixes that were read before at the end.
    /// </summary>
    private void Plan(SampleQueue queue)
    {
        forward.Clear();
        draws.Clear();
        foreach (var sample in queue.Running)
        {
            sample.Table.Extend(1);
            forward.Add(sample.Table, [sample.LastToken], wanted: true);
            draws.Add(new DrawRow(sample, Prefix: null));
        }

        foreach (var prefix in queue.Reading)
        {
            if (forward.Free == 0)
            {
                break;
            }

            if (prefix.Parent is { IsRead: false })
            {
                continue;
            }

            var tokens = prefix.Tokens.AsSpan(prefix.Done);
            tokens = tokens[..Math.Min(tokens.Length, forward.Free)];
            prefix.Extend(tokens.Length);
            var wanted = prefix.Done == prefix.Tokens.Length && prefix.Waiting.Count > 0;
            forward.Add(prefix.Table, tokens, wanted);
            if (wanted)
            {
                draws.Add(new DrawRow(Sample: null, prefix));
            }
        }

        foreach (var prefix in queue.Restarting)
        {
            draws.Add(new DrawRow(Sample: null, prefix));
        }
    }

    private void Step()
    {
        var width = model.Config.HiddenSize;
        var hidden = hiddenMemory.Get((long)draws.Count * width);
        if (forward.Rows > 0)
        {
            forward.Run(hidden);
        }

        for (var i = 0; i < draws.Count; i++)
        {
            draws[i].Prefix?.KeepHidden(new Span<float>(hidden + ((long)i * width), width), computed: i < forward.Wanted);
        }

        var logits = logitMemory.Get((long)Math.Min(HeadRows, draws.Count) * Vocabulary);
        for (var first = 0; first < draws.Count; first += HeadRows)
        {
            var count = Math.Min(HeadRows, draws.Count - first);
            model.Head.Forward(new Matrix(hidden + ((long)first * width), width), logits, count);
            model.Pool.For(WorkKind.Other, count, new DrawLoop(this, first, logits));
        }
    }

    /// <summary>Draws for the samples of one row of logits.</summary>
    private void Draw(DrawRow drawn, float* raw)
    {
        // Samples that wait for the same prefix have the same options.
        var options = (drawn.Sample ?? drawn.Prefix!.Waiting[0]).Options;
        var stride = MatMul.Padded(Vocabulary);
        var row = (rowsOfThread ??= new ScratchBuffer()).Get(2L * stride);
        var normaliser = SampleDraft.Distribution(raw, Vocabulary, options, row);
        if (drawn.Sample is { } running)
        {
            running.Draw(row, row + stride, normaliser);
            return;
        }

        foreach (var sample in drawn.Prefix!.Waiting)
        {
            sample.Draw(row, row + stride, normaliser);
        }
    }

    /// <summary>A row of logits: of a running sample, or of a prefix for the samples that wait for it.</summary>
    private readonly record struct DrawRow(Continuation? Sample, Prefix? Prefix);

    private readonly struct DrawLoop(Sampler sampler, int first, float* logits) : ILoopBody
    {
        public void Run(int index) => sampler.Draw(sampler.draws[first + index], logits + ((long)index * sampler.Vocabulary));
    }
}
