using CoScientist.Training.Model;

namespace CoScientist.Training.Sampling;

/// <summary>
/// Which samples run and which wait. Samples join in order, as rows and pages allow, and leave when they are done; what joins has
/// been promised every page that it may come to need, so that it runs to its end whatever comes after.
/// </summary>
internal sealed class SampleQueue
{
    private readonly SamplingOptions options;
    private readonly int vocabulary;
    private readonly int rows;
    private readonly PagePool pool;
    private readonly TokenText textOf;
    private readonly byte[][] stops;
    private readonly List<SampleEnd> ends = [];
    private readonly SampledSequence[] results;
    private List<Continuation> staying = [];
    private int nextEnd;
    private int nextIndex;
    private int joined;
    private int left;

    /// <summary>Lines up the samples of all requests.</summary>
    /// <exception cref="ArgumentException">A request is malformed, too long for the model, or larger than the whole cache.</exception>
    public SampleQueue(IReadOnlyList<SampleRequest> requests, SamplingOptions options, ModelConfig model, int rows, PagePool pool, TokenText textOf)
    {
        (this.options, vocabulary, this.rows, this.pool, this.textOf) = (options, model.VocabularySize, rows, pool, textOf);
        stops = [.. options.StopStrings.Distinct(StringComparer.Ordinal).Select(System.Text.Encoding.UTF8.GetBytes)];
        Prefix? root = null;
        var count = 0;
        for (var r = 0; r < requests.Count; r++)
        {
            var request = requests[r];
            Check(request, r);
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

                prefix.Followers += request.Count;
                CheckRoom(prefix, r, model.MaxPositions);
                ends.Add(new SampleEnd(prefix, r, b, request.Count, request.Seed, count));
                count += request.Count;
            }
        }

        results = new SampledSequence[count];
    }

    /// <summary>Samples with a token that has yet to be computed.</summary>
    public List<Continuation> Running { get; private set; } = [];

    /// <summary>Prompts and branches to be read, in order; a branch stands behind its prompt.</summary>
    public List<Prefix> Reading { get; } = [];

    /// <summary>Prefixes that were read before and have samples to start now.</summary>
    public List<Prefix> Restarting { get; } = [];

    /// <summary>Whether all samples are done.</summary>
    public bool IsFinished => left == results.Length;

    /// <summary>All samples, in order of request, branch and sample.</summary>
    public IReadOnlyList<SampledSequence> Results => results;

    /// <summary>Lets samples join while there is room, strictly in order: the next one waits until it fits.</summary>
    public void Join()
    {
        while (nextEnd < ends.Count && joined - left < rows)
        {
            var end = ends[nextEnd];
            var own = OwnPages(end.Prefix);
            if (end.Prefix.PagesToOpen + own > pool.Available)
            {
                return;
            }

            end.Prefix.Open(Reading);
            var sample = new Continuation(end, nextIndex, options, vocabulary, stops.Length == 0 ? null : new StopStringMatcher(stops, textOf), pool);
            sample.Table.Promise(own, end.Prefix.End + Stored);
            if (end.Prefix.IsRead && end.Prefix.Waiting.Count == 0)
            {
                Restarting.Add(end.Prefix);
            }

            end.Prefix.Waiting.Add(sample);
            joined++;
            if (++nextIndex == end.Count)
            {
                (nextEnd, nextIndex) = (nextEnd + 1, 0);
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
                results[sample.End.FirstResult + sample.Index] = sample.Result();
                sample.Table.Clear();
                left++;
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
    private int Stored => Math.Max(0, options.ProbeTokens.Length > 0 ? options.MaxNewTokens : options.MaxNewTokens - 1);

    private int OwnPages(Prefix prefix) => pool.PagesOf(prefix.End, Stored);

    private void Check(SampleRequest request, int index)
    {
        if (request.Count < 1)
        {
            throw new ArgumentException($"Request {index} asks for {request.Count} samples: ask for at least one.", nameof(request));
        }

        foreach (var tokens in request.Branches.Prepend(request.Prompt))
        {
            if (tokens.Length == 0)
            {
                throw new ArgumentException($"Request {index} has a prompt or branch without tokens: give at least one.", nameof(request));
            }

            foreach (var token in tokens)
            {
                if ((uint)token >= (uint)vocabulary)
                {
                    throw new ArgumentException($"Request {index} holds the token {token}, and the model's tokens are 0 to {vocabulary - 1}.", nameof(request));
                }
            }
        }
    }

    private void CheckRoom(Prefix prefix, int index, int maxPositions)
    {
        if (prefix.End + options.MaxNewTokens > maxPositions)
        {
            throw new ArgumentException($"A prompt of {prefix.End} tokens (request {index}) leaves no room for {options.MaxNewTokens} more in the model's {maxPositions} positions: shorten it or draw fewer.", nameof(prefix));
        }

        var pages = prefix.PagesToOpen + OwnPages(prefix);
        if (pages > pool.Capacity)
        {
            throw new ArgumentException($"Request {index} needs {pages * pool.PageBytes / 1048576.0:F1} MiB of cache for {prefix.End} tokens and {options.MaxNewTokens} new ones, and the sampler has {pool.Capacity * pool.PageBytes / 1048576.0:F1} MiB: shorten it, draw fewer, or give the sampler more ({nameof(SamplerLimits)}.{nameof(SamplerLimits.CacheBytes)}).", nameof(prefix));
        }
    }
}
