using CoScientist.Training.Model;

namespace CoScientist.Training.Sampling;

/// <summary>
/// Which samples run and which wait. Samples join in order, as rows and pages allow, and leave when they are done; what joins has
/// been promised every page that it may come to need, so that it runs to its end whatever comes after.
/// </summary>
internal sealed class SampleQueue
{
    private readonly ModelConfig model;
    private readonly int rows;
    private readonly PagePool pool;
    private readonly TokenText textOf;
    private readonly Queue<SampleEnd> ends = new();
    private readonly SampledSequence[] results;
    private List<Continuation> staying = [];
    private int nextIndex;
    private int lined;
    private int joined;
    private int left;

    /// <summary>Lines up the samples of all requests.</summary>
    /// <exception cref="ArgumentException">A request is malformed, too long for the model, or larger than the whole cache.</exception>
    public SampleQueue(IReadOnlyList<SampleRequest> requests, SamplingOptions options, ModelConfig model, int rows, PagePool pool, TokenText textOf)
    {
        (this.model, this.rows, this.pool, this.textOf) = (model, rows, pool, textOf);
        var stops = StopsOf(options);
        Prefix? root = null;
        for (var r = 0; r < requests.Count; r++)
        {
            var request = requests[r];
            request.Check(r, model, options.MaxNewTokens);
            // Neighbours with the same prompt share it. A prompt that comes back later is read again: held until then, it could
            // keep those in between waiting for ever.
            if (root is null || !root.Tokens.AsSpan().SequenceEqual(request.Prompt))
            {
                root = new Prefix(request.Prompt, parent: null, pool);
            }

            for (var b = 0; b < Math.Max(1, request.Branches.Count); b++)
            {
                var prefix = root;
                if (request.Branches.Count > 0)
                {
                    prefix = new Prefix(request.Branches[b], root, pool);
                    root.Followers++;
                }

                LineUp(new SampleEnd(prefix, r, b, request.Count, request.Seed, lined, options, stops));
            }
        }

        results = new SampledSequence[lined];
    }

    /// <summary>Samples with a token that has yet to be computed.</summary>
    public List<Continuation> Running { get; private set; } = [];

    /// <summary>Prompts and branches to be read, in order; a branch stands behind its prompt.</summary>
    public List<Prefix> Reading { get; } = [];

    /// <summary>Prefixes that were read before and have samples to start now.</summary>
    public List<Prefix> Restarting { get; } = [];

    /// <summary>Whether all samples are done.</summary>
    public bool IsFinished => left == lined;

    /// <summary>All samples, in order of request, branch and sample.</summary>
    public IReadOnlyList<SampledSequence> Results => results;

    /// <summary>Lines up a request that comes while others run.</summary>
    /// <exception cref="ArgumentException">The request or its options are malformed, too long for the model, or larger than the whole cache.</exception>
    public void Add(LiveRequest live)
    {
        live.Options.Validate(model.VocabularySize);
        live.Request.Check(0, model, live.Options.MaxNewTokens);
        if (live.Request is not { Branches.Count: 0, Count: 1 })
        {
            throw new ArgumentException("A request that joins a running batch is for one sample of one prompt.", nameof(live));
        }

        LineUp(new SampleEnd(new Prefix(live.Request.Prompt, parent: null, pool), 0, 0, 1, live.Request.Seed, 0, live.Options, StopsOf(live.Options), live));
    }

    /// <summary>Lets samples join while there is room, strictly in order: the next one waits until it fits.</summary>
    public void Join()
    {
        while (joined - left < rows && ends.TryPeek(out var end))
        {
            var own = OwnPages(end);
            if (end.Prefix.PagesToOpen + own > pool.Available)
            {
                return;
            }

            end.Prefix.Open(Reading);
            var sample = new Continuation(end, nextIndex, model.VocabularySize, end.Stops.Length == 0 ? null : new StopStringMatcher(end.Stops, textOf), pool);
            sample.Table.Promise(own, end.Prefix.End + Stored(end.Options));
            if (end.Prefix.IsRead && end.Prefix.Waiting.Count == 0)
            {
                Restarting.Add(end.Prefix);
            }

            end.Prefix.Waiting.Add(sample);
            joined++;
            if (++nextIndex == end.Count)
            {
                nextIndex = 0;
                ends.Dequeue();
            }
        }
    }

    /// <summary>Lets samples that have drawn their first token continue on their own, and those that are done leave.</summary>
    public void Advance()
    {
        foreach (var prefix in Reading)
        {
            prefix.IsRead = prefix.Done == prefix.Tokens.Length;
            Start(prefix);
        }

        foreach (var prefix in Restarting)
        {
            Start(prefix);
        }

        Reading.RemoveAll(static prefix => prefix.IsRead);
        Restarting.Clear();
        foreach (var sample in Running)
        {
            if (sample.IsDone)
            {
                sample.Table.Clear();
                left++;
                if (sample.End.Live is { } live)
                {
                    live.OnDone(sample.Result());
                }
                else
                {
                    results[sample.End.FirstResult + sample.Index] = sample.Result();
                }
            }
            else
            {
                staying.Add(sample);
            }
        }

        (Running, staying) = (staying, Running);
        staying.Clear();
    }

    private void Start(Prefix prefix)
    {
        if (!prefix.IsRead)
        {
            return;
        }

        foreach (var sample in prefix.Waiting)
        {
            prefix.ContinueInto(sample.Table);
            Running.Add(sample);
        }

        prefix.Waiting.Clear();
    }

    /// <summary>Tokens of a sample that are computed and cached: a probe needs the last one, otherwise nothing follows it.</summary>
    private static int Stored(SamplingOptions options) => Math.Max(0, options.ProbeTokens.Length > 0 ? options.MaxNewTokens : options.MaxNewTokens - 1);

    private static byte[][] StopsOf(SamplingOptions options) => [.. options.StopStrings.Distinct(StringComparer.Ordinal).Select(System.Text.Encoding.UTF8.GetBytes)];

    private int OwnPages(SampleEnd end) => pool.PagesOf(end.Prefix.End, Stored(end.Options));

    private void LineUp(SampleEnd end)
    {
        end.Prefix.Followers += end.Count;
        CheckRoom(end);
        ends.Enqueue(end);
        lined += end.Count;
    }

    private void CheckRoom(SampleEnd end)
    {
        var (prefix, most) = (end.Prefix, end.Options.MaxNewTokens);
        var pages = prefix.PagesToOpen + OwnPages(end);
        if (pages > pool.Capacity)
        {
            throw new ArgumentException($"Request {end.Request} needs {pages * pool.PageBytes / 1048576.0:F1} MiB of cache for {prefix.End} tokens and {most} new ones, and the sampler has {pool.Capacity * pool.PageBytes / 1048576.0:F1} MiB: shorten it, draw fewer, or give the sampler more ({nameof(SamplerLimits)}.{nameof(SamplerLimits.CacheBytes)}).", nameof(end));
        }
    }
}
