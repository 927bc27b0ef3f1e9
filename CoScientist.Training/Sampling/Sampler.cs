using CoScientist.Core;
using CoScientist.Training.Kernels;
using CoScientist.Training.Model;
using CoScientist.Training.Tensors;

namespace CoScientist.Training.Sampling;

/// <summary>
/// Draws continuations in batches. Prompts and branches are read once, as trees; then every step advances all unfinished
/// samples by one token. A sample depends on its request alone, not on what else is in the batch.
/// </summary>
internal sealed unsafe class Sampler(Transformer model) : IDisposable
{
    /// <summary>Samples advanced together: enough rows for the matrix products to run at full speed.</summary>
    private const int MostRows = 256;

    /// <summary>Prompt tokens read together.</summary>
    private const int MostPromptTokens = 16384;

    private readonly Activations activations = new(model.Config);
    private readonly LanguageHead head = new(model);
    private readonly ScratchBuffer logits = new();

    /// <summary>All continuations of all requests, in order of request, branch and sample.</summary>
    public IReadOnlyList<SampledSequence> Sample(IReadOnlyList<SampleRequest> requests, SamplingOptions options, CancellationToken cancellationToken)
    {
        var results = new List<SampledSequence>();
        for (var first = 0; first < requests.Count;)
        {
            var end = first;
            var (rows, promptTokens) = (0, 0);
            while (end < requests.Count)
            {
                var (more, moreTokens) = Size(requests[end]);
                if (end > first && (rows + more > MostRows || promptTokens + moreTokens > MostPromptTokens))
                {
                    break;
                }

                (rows, promptTokens, end) = (rows + more, promptTokens + moreTokens, end + 1);
            }

            results.AddRange(SampleBatch(requests, first, end, options, cancellationToken));
            first = end;
        }

        return results;
    }

    public void Dispose()
    {
        activations.Dispose();
        head.Dispose();
        logits.Dispose();
    }

    private static (int Rows, int PromptTokens) Size(SampleRequest request) =>
        (request.Count * Math.Max(1, request.Branches.Count), request.Prompt.Length + request.Branches.Sum(branch => branch.Length));

    private List<SampledSequence> SampleBatch(IReadOnlyList<SampleRequest> requests, int first, int end, SamplingOptions options, CancellationToken cancellationToken)
    {
        var batch = new TokenBatch();
        var samples = new List<Continuation>();
        for (var r = first; r < end; r++)
        {
            var request = requests[r];
            var root = batch.Add(request.Prompt);
            for (var b = 0; b < Math.Max(1, request.Branches.Count); b++)
            {
                var segment = request.Branches.Count == 0 ? root : batch.Add(request.Branches[b], root);
                for (var k = 0; k < request.Count; k++)
                {
                    samples.Add(new Continuation(r, b, k, segment, new SeededRandom(request.Seed, b, k)));
                }
            }
        }

        using var prompts = new KeyValueCache(model.Shape, model.Config.Layers, batch.Count);
        var slots = options.MaxNewTokens + 1;
        // One column more than a sample can use: tiles read whole panels past its end.
        using var own = new KeyValueCache(model.Shape, model.Config.Layers, samples.Count * MatMul.Padded(slots));
        var hidden = Read(batch, prompts);
        for (var i = 0; i < samples.Count; i++)
        {
            var segment = batch.Segments[samples[i].Segment];
            batch.Ancestors(samples[i].Segment, samples[i].Ranges);
            samples[i].Ranges.Add((segment.Start, segment.Length));
            samples[i].Position = segment.Position + segment.Length;
            if (samples[i].Position + options.MaxNewTokens > model.Config.MaxPositions)
            {
                throw new ArgumentException($"A prompt of {samples[i].Position} tokens leaves no room for {options.MaxNewTokens} more in the model's {model.Config.MaxPositions} positions: shorten it or draw fewer.", nameof(requests));
            }

            samples[i].OwnStart = i * MatMul.Padded(slots);
            samples[i].HiddenRow = segment.End - 1;
        }

        var active = samples.ToList();
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            Draw(active, hidden, options);
            active.RemoveAll(sample => sample.Done);
            if (active.Count == 0)
            {
                break;
            }

            hidden = Advance(active, prompts, own);
        }

        return samples.ConvertAll(sample => sample.Result());
    }

    /// <summary>Runs the prompts through all layers, filling the cache; returns the final hidden states [N, C].</summary>
    private float* Read(TokenBatch batch, KeyValueCache cache)
    {
        activations.Begin(batch, keepLayers: false);
        model.Embed(batch, activations.Input(0));
        for (var layer = 0; layer < model.Config.Layers; layer++)
        {
            var at = activations.Layer(layer);
            model.Project(layer, at, activations.Input(layer), activations.Positions, batch.Count);
            for (var row = 0; row < batch.Count; row++)
            {
                cache.Store(layer, row, at.Key + ((long)row * model.Shape.KeyWidth), at.Value + ((long)row * model.Shape.KeyWidth));
            }

            Attention.Forward(model.Pool, batch, model.ShapeOf(layer), at.Query, at.Key, at.Value, at.Attended);
            model.Finish(layer, at, activations.Input(layer), activations.Input(layer + 1), batch.Count);
        }

        return model.FinalNorm(activations, batch.Count);
    }

    /// <summary>Runs each sample's last token through all layers; returns the final hidden states, one row per sample.</summary>
    private float* Advance(List<Continuation> active, KeyValueCache prompts, KeyValueCache own)
    {
        activations.BeginRows(active.Count, keepLayers: false);
        for (var i = 0; i < active.Count; i++)
        {
            activations.Positions[i] = active[i].Position++;
            active[i].HiddenRow = i;
            model.EmbedRow(active[i].Tokens[^1], activations.Input(0) + ((long)i * model.Config.HiddenSize));
        }

        for (var layer = 0; layer < model.Config.Layers; layer++)
        {
            var at = activations.Layer(layer);
            model.Project(layer, at, activations.Input(layer), activations.Positions, active.Count);
            var index = layer;
            model.Pool.For(active.Count, i =>
            {
                var sample = active[i];
                own.Store(index, sample.OwnStart + sample.Tokens.Count - 1, at.Key + ((long)i * model.Shape.KeyWidth), at.Value + ((long)i * model.Shape.KeyWidth));
                Attend(index, sample, prompts, own, at.Query + ((long)i * model.Shape.QueryWidth), at.Attended + ((long)i * model.Shape.QueryWidth));
            });
            model.Finish(layer, at, activations.Input(layer), activations.Input(layer + 1), active.Count);
        }

        return model.FinalNorm(activations, active.Count);
    }

    private void Attend(int layer, Continuation sample, KeyValueCache prompts, KeyValueCache own, float* q, float* output)
    {
        var shape = model.ShapeOf(layer);
        var ownKeys = sample.Tokens.Count;
        var keys = ownKeys + sample.Ranges.Sum(range => range.Length);
        var stride = MatMul.Padded(keys) + MatMul.PanelWidth;
        var scores = sample.Scratch.Get(((long)shape.Group * stride) + ((long)shape.Group * prompts.RowStride));
        var attended = scores + ((long)shape.Group * stride);
        for (var keyHead = 0; keyHead < shape.KeyValueHeads; keyHead++)
        {
            var query = q + (keyHead * shape.Group * shape.HeadDim);
            var at = 0;
            foreach (var (start, length) in sample.Ranges)
            {
                Scores(query, prompts.Keys(layer, keyHead) + start, prompts.ColumnStride, scores + at, stride, length);
                at += length;
            }

            Scores(query, own.Keys(layer, keyHead) + sample.OwnStart, own.ColumnStride, scores + at, stride, ownKeys);
            for (var g = 0; g < shape.Group; g++)
            {
                var row = scores + ((long)g * stride);
                var hidden = shape.FirstVisible(keys);
                new Span<float>(row, hidden).Clear();
                VectorMath.Softmax(row + hidden, keys - hidden, shape.Scale);
            }

            for (var d = 0; d < prompts.RowStride; d += MatMul.PanelWidth)
            {
                at = 0;
                foreach (var (start, length) in sample.Ranges)
                {
                    MatMul.Block(scores + at, stride, 1, prompts.Values(layer, keyHead) + ((long)start * prompts.RowStride) + d, prompts.RowStride, attended + d, prompts.RowStride, shape.Group, length, at > 0);
                    at += length;
                }

                MatMul.Block(scores + at, stride, 1, own.Values(layer, keyHead) + ((long)sample.OwnStart * own.RowStride) + d, own.RowStride, attended + d, own.RowStride, shape.Group, ownKeys, accumulate: true);
            }

            for (var g = 0; g < shape.Group; g++)
            {
                new ReadOnlySpan<float>(attended + ((long)g * prompts.RowStride), shape.HeadDim)
                    .CopyTo(new Span<float>(output + (((keyHead * shape.Group) + g) * shape.HeadDim), shape.HeadDim));
            }
        }
    }

    private void Scores(float* query, float* keys, int keyStride, float* target, int stride, int count)
    {
        for (var c = 0; c < count; c += MatMul.PanelWidth)
        {
            MatMul.Block(query, model.Shape.HeadDim, 1, keys + c, keyStride, target + c, stride, model.Shape.Group, model.Shape.HeadDim, accumulate: false);
        }
    }

    /// <summary>Draws a token for every sample, or reads its probe when it has drawn all it may.</summary>
    private void Draw(List<Continuation> active, float* hidden, SamplingOptions options)
    {
        var (width, stride) = (model.Config.HiddenSize, MatMul.Padded(model.Config.VocabularySize));
        var inverse = options.Temperature > 0 ? (float)(1 / options.Temperature) : 1;
        var all = logits.Get((long)active.Count * stride);
        _ = model.Head.Transposed;
        model.Pool.For((active.Count + 7) / 8, task =>
        {
            var first = task * 8;
            var rows = Math.Min(8, active.Count - first);
            var packed = stackalloc float[8 * width];
            for (var i = 0; i < rows; i++)
            {
                new ReadOnlySpan<float>(hidden + ((long)active[first + i].HiddenRow * width), width).CopyTo(new Span<float>(packed + (i * width), width));
            }

            head.Logits(packed, rows, options.BannedTokens, inverse, all + ((long)first * stride));
            for (var i = 0; i < rows; i++)
            {
                active[first + i].Take(head, all + ((long)(first + i) * stride), options, model.Config.VocabularySize);
            }
        });
    }

    /// <summary>One continuation while it grows.</summary>
    private sealed class Continuation(int request, int branch, int index, int segment, SeededRandom random)
    {
        private readonly List<float> logProbabilities = [];
        private float[] probe = [];
        private bool ended;

        public int Segment => segment;

        public List<(int Start, int Length)> Ranges { get; } = [];

        public List<int> Tokens { get; } = [];

        public ScratchBuffer Scratch { get; } = new();

        public int Position { get; set; }

        public int OwnStart { get; set; }

        public int HiddenRow { get; set; }

        public bool Done { get; private set; }

        public void Take(LanguageHead head, float* row, SamplingOptions options, int vocabulary)
        {
            if (Tokens.Count == options.MaxNewTokens || ended)
            {
                probe = TokenChoice.Probe(row, options.ProbeTokens);
                Finish();
                return;
            }

            var normaliser = head.Normaliser(row, out _);
            var token = options.Temperature > 0 ? TokenChoice.Draw(row, vocabulary, normaliser, options.TopP, random.NextDouble()) : TokenChoice.Best(row, vocabulary);
            Tokens.Add(token);
            logProbabilities.Add(row[token] - normaliser);
            ended = token == options.EndToken;
            if ((ended || Tokens.Count == options.MaxNewTokens) && options.ProbeTokens.Length == 0)
            {
                Finish();
            }
        }

        public SampledSequence Result() => new(request, branch, index, [.. Tokens], [.. logProbabilities], ended, probe);

        private void Finish()
        {
            Done = true;
            Scratch.Dispose();
        }
    }
}
