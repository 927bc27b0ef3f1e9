using CoScientist.Training.Checkpoints;
using CoScientist.Training.Kernels;
using CoScientist.Training.Model;
using CoScientist.Training.Sampling;
using CoScientist.Training.Tensors;
using CoScientist.Training.Tokenization;

namespace CoScientist.Training.Engines;

/// <summary>The managed engine: one model in single precision on the processor's cores. One caller at a time.</summary>
public sealed unsafe class CpuEngine : IPolicyEngine
{
    /// <summary>Tokens whose activations are held at once; larger accumulations run in parts, split at groups.</summary>
    private const int MicroBatchTokens = 4096;

    private readonly Transformer model;
    private readonly bool ownsPool;
    private readonly Activations activations;
    private readonly LanguageHead head;
    private readonly Sampler sampler;
    private readonly ScratchBuffer hiddenGradient = new();
    private Parameters? gradients;
    private Parameters? firstMoments;
    private Parameters? secondMoments;

    /// <summary>An engine around a model with zero weights.</summary>
    /// <param name="config">Shape.</param>
    /// <param name="tokenizer">Its tokenizer.</param>
    /// <param name="pool">Threads; null makes a pool of all processors that the engine owns.</param>
    public CpuEngine(ModelConfig config, BpeTokenizer tokenizer, WorkerPool? pool = null)
    {
        if (tokenizer.VocabularySize > config.VocabularySize)
        {
            throw new InvalidDataException($"The tokenizer has {tokenizer.VocabularySize} tokens and the model {config.VocabularySize}: they do not belong together.");
        }

        ownsPool = pool is null;
        Pool = pool ?? new WorkerPool();
        model = new Transformer(config, Pool);
        Tokenizer = tokenizer;
        activations = new Activations(config);
        head = new LanguageHead(model);
        sampler = new Sampler(model, id => tokenizer.IsSpecial(id) || id >= tokenizer.VocabularySize ? [] : tokenizer.TokenBytes(id));
    }

    /// <inheritdoc/>
    public ModelConfig Config => model.Config;

    /// <inheritdoc/>
    public BpeTokenizer Tokenizer { get; }

    /// <inheritdoc/>
    public int Step { get; private set; }

    /// <summary>Its threads.</summary>
    public WorkerPool Pool { get; }

    /// <summary>The weights; call <see cref="WeightsChanged"/> after writing to them.</summary>
    public Parameters Weights => model.Weights;

    /// <summary>The accumulated gradients; null before the first accumulation.</summary>
    public Parameters? Gradients => gradients;

    /// <summary>Loads a folder of Hugging Face layout.</summary>
    /// <exception cref="InvalidDataException">Something in it is missing, malformed or does not fit; the message names it.</exception>
    public static CpuEngine Load(string directory, WorkerPool? pool = null)
    {
        var (config, tokenizer) = CheckpointFolder.Open(directory);
        var engine = new CpuEngine(config, tokenizer, pool);
        try
        {
            CheckpointFolder.ReadWeights(directory, engine.Weights.Tensors());
            engine.WeightsChanged();
            return engine;
        }
        catch
        {
            engine.Dispose();
            throw;
        }
    }

    /// <summary>A copy with weights of its own and no optimizer state, on the same threads: the frozen grader of a run.</summary>
    public CpuEngine FreezeCopy()
    {
        var copy = new CpuEngine(Config, Tokenizer, Pool);
        copy.Weights.CopyFrom(Weights);
        return copy;
    }

    /// <summary>Says that weights were written from outside.</summary>
    public void WeightsChanged() => model.WeightsChanged();

    /// <inheritdoc/>
    public IReadOnlyList<SampledSequence> Sample(IReadOnlyList<SampleRequest> requests, SamplingOptions options, CancellationToken cancellationToken) =>
        sampler.Sample(requests, options, cancellationToken);

    /// <inheritdoc/>
    public float[][][] LogProbabilities(IReadOnlyList<TrainingGroup> groups, SamplingOptions options, CancellationToken cancellationToken)
    {
        var result = groups.Select(group => group.Branches.Select(branch => new float[branch.Tokens.Length - branch.FirstTarget]).ToArray()).ToArray();
        foreach (var part in Parts(groups))
        {
            cancellationToken.ThrowIfCancellationRequested();
            Forward(part, options, out var logProbabilities, out _);
            foreach (var (group, branch, at, length) in part.Spans)
            {
                logProbabilities.AsSpan(at, length).CopyTo(result[group][branch]);
            }
        }

        return result;
    }

    /// <summary>Logits after each token of one sequence, as [position][vocabulary], from a position on: for checks against other engines.</summary>
    /// <param name="tokens">The sequence, at least one token.</param>
    /// <param name="from">First position wanted.</param>
    public float[][] Logits(int[] tokens, int from)
    {
        var batch = new TokenBatch();
        batch.Add(tokens);
        var hidden = model.Forward(batch, activations);
        using var memory = new ScratchBuffer();
        var row = memory.Get(MatMul.Padded(Config.VocabularySize));
        var logits = new float[tokens.Length - from][];
        for (var i = 0; i < logits.Length; i++)
        {
            head.Logits(hidden + ((long)(from + i) * Config.HiddenSize), 1, [], 1, row);
            logits[i] = new Span<float>(row, Config.VocabularySize).ToArray();
        }

        return logits;
    }

    /// <inheritdoc/>
    public LossStatistics AccumulateLoss(IReadOnlyList<TrainingGroup> groups, SamplingOptions options, TokenObjective objective, CancellationToken cancellationToken)
    {
        gradients ??= new Parameters(Config);
        var (targets, tokens, logProbability, entropy) = (0, 0L, 0.0, 0.0);
        foreach (var part in Parts(groups))
        {
            cancellationToken.ThrowIfCancellationRequested();
            Forward(part, options, out var logProbabilities, out var entropies);
            var gradient = new float[logProbabilities.Length];
            var entropyGradient = new float[logProbabilities.Length];
            foreach (var (group, branch, at, length) in part.Spans)
            {
                objective(group, branch, logProbabilities.AsSpan(at, length), gradient.AsSpan(at, length), entropyGradient.AsSpan(at, length));
            }

            var width = part.Batch.Count * Config.HiddenSize;
            var dHidden = hiddenGradient.Get(width);
            new Span<float>(dHidden, width).Clear();
            head.Backward(part.Targets, gradient, entropyGradient, entropies, options.BannedTokens, Temperature(options), dHidden, model.HeadOf(gradients));
            model.Backward(part.Batch, activations, dHidden, gradients);
            targets += gradient.Length;
            tokens += part.Batch.Count;
            logProbability += logProbabilities.Sum(x => (double)x);
            entropy += entropies.Sum(x => (double)x);
        }

        var count = Math.Max(1, targets);
        return new LossStatistics(targets, tokens, logProbability / count, entropy / count);
    }

    /// <inheritdoc/>
    public LossStatistics AccumulateDistillation(IReadOnlyList<TrainingGroup> students, IReadOnlyList<TrainingGroup> teachers, SamplingOptions options, double mixture, CancellationToken cancellationToken)
    {
        if (students.Count != teachers.Count || !students.Zip(teachers).All(pair => pair.First.Branches.Count == pair.Second.Branches.Count
            && pair.First.Branches.Zip(pair.Second.Branches).All(branch => branch.First.FirstTarget == branch.Second.FirstTarget && branch.First.Tokens.AsSpan().SequenceEqual(branch.Second.Tokens))))
        {
            throw new ArgumentException("A teacher reads the very branches that its student wrote.", nameof(teachers));
        }

        gradients ??= new Parameters(Config);
        var all = Math.Max(1, students.Sum(group => group.Branches.Sum(branch => branch.Tokens.Length - branch.FirstTarget)));
        var (tokens, logProbability, entropy, divergence) = (0L, 0.0, 0.0, 0.0);

        // One group at a time: a teacher's prompt is longer than its student's, and both fit where one did.
        for (var g = 0; g < students.Count; g++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var (student, teacher) = (new Part(), new Part());
            student.Add(0, students[g]);
            teacher.Add(0, teachers[g]);
            head.Teach(model.Forward(teacher.Batch, activations), teacher.Targets);
            Forward(student, options, out var logProbabilities, out var entropies);
            var width = student.Batch.Count * Config.HiddenSize;
            var dHidden = hiddenGradient.Get(width);
            new Span<float>(dHidden, width).Clear();
            divergence += head.Distil(student.Targets, options.BannedTokens, Temperature(options), (float)mixture, 1f / all, dHidden, model.HeadOf(gradients));
            model.Backward(student.Batch, activations, dHidden, gradients);
            tokens += student.Batch.Count + teacher.Batch.Count;
            logProbability += logProbabilities.Sum(x => (double)x);
            entropy += entropies.Sum(x => (double)x);
        }

        return new LossStatistics(all, tokens, logProbability / all, entropy / all, divergence / all);
    }

    /// <inheritdoc/>
    public void ResetOptimizer()
    {
        firstMoments?.Clear();
        secondMoments?.Clear();
        Step = 0;
    }

    /// <inheritdoc/>
    public double OptimizerStep(AdamWOptions options, double maxGradientNorm)
    {
        gradients ??= new Parameters(Config);
        firstMoments ??= new Parameters(Config);
        secondMoments ??= new Parameters(Config);
        var norm = Math.Sqrt(AdamW.SquaredNorm(Pool, gradients.Pointer, gradients.Length));
        if (!double.IsFinite(norm))
        {
            throw new InvalidDataException($"The gradient is not finite at step {Step + 1}: lower the learning rate or look for broken inputs. The last checkpoint is intact.");
        }

        var scale = maxGradientNorm > 0 && norm > maxGradientNorm ? (float)(maxGradientNorm / norm) : 1;
        Step++;
        foreach (var spec in Weights.Specs)
        {
            // Decay pulls matrices only: gains and biases have no scale to lose.
            var tensorOptions = spec.Shape.Length > 1 ? options : options with { WeightDecay = 0 };
            AdamW.Update(Pool, Weights.Get(spec.Name), gradients.Get(spec.Name), firstMoments.Get(spec.Name), secondMoments.Get(spec.Name), spec.Count, tensorOptions, Step, scale);
        }

        gradients.Clear();
        WeightsChanged();
        return norm;
    }

    /// <inheritdoc/>
    public void SaveOptimizer(string file)
    {
        firstMoments ??= new Parameters(Config);
        secondMoments ??= new Parameters(Config);
        SafetensorsFile.Write(file, [.. firstMoments.Tensors("m."), .. secondMoments.Tensors("v."), new NamedTensor("step", [1], new float[] { Step })]);
    }

    /// <inheritdoc/>
    public void LoadOptimizer(string file)
    {
        firstMoments ??= new Parameters(Config);
        secondMoments ??= new Parameters(Config);
        var step = new float[1];
        SafetensorsFile.Read(file, [.. firstMoments.Tensors("m."), .. secondMoments.Tensors("v."), new NamedTensor("step", [1], step)]);
        Step = (int)step[0];
    }

    /// <inheritdoc/>
    public void Save(string directory, IReadOnlyDictionary<string, string> manifest) =>
        CheckpointFolder.Write(directory, Config, Weights.Tensors(), Tokenizer, manifest);

    /// <inheritdoc/>
    public void Dispose()
    {
        sampler.Dispose();
        head.Dispose();
        activations.Dispose();
        hiddenGradient.Dispose();
        gradients?.Dispose();
        firstMoments?.Dispose();
        secondMoments?.Dispose();
        model.Dispose();
        if (ownsPool)
        {
            Pool.Dispose();
        }
    }

    // Greedy sampling has no distribution of its own: its log-probabilities are those at temperature 1.
    private static float Temperature(SamplingOptions options) => options.Temperature > 0 ? (float)options.Temperature : 1;

    private void Forward(Part part, SamplingOptions options, out float[] logProbabilities, out float[] entropies)
    {
        logProbabilities = new float[part.Targets.Count];
        entropies = new float[part.Targets.Count];
        var hidden = model.Forward(part.Batch, activations);
        head.LogProbabilities(hidden, part.Targets, options.BannedTokens, Temperature(options), logProbabilities, entropies);
    }

    private static IEnumerable<Part> Parts(IReadOnlyList<TrainingGroup> groups)
    {
        var part = new Part();
        for (var g = 0; g < groups.Count; g++)
        {
            var size = groups[g].Prompt.Length + groups[g].Branches.Sum(branch => branch.Tokens.Length);
            if (part.Batch.Count > 0 && part.Batch.Count + size > MicroBatchTokens)
            {
                yield return part;
                part = new Part();
            }

            part.Add(g, groups[g]);
        }

        if (part.Batch.Count > 0)
        {
            yield return part;
        }
    }

    /// <summary>Groups whose activations are held together.</summary>
    private sealed class Part
    {
        private readonly List<int> rows = [];
        private readonly List<int> tokens = [];

        public TokenBatch Batch { get; } = new();

        public Targets Targets => new(rows, tokens);

        public List<(int Group, int Branch, int At, int Length)> Spans { get; } = [];

        public void Add(int index, TrainingGroup group)
        {
            var root = Batch.Add(group.Prompt);
            for (var b = 0; b < group.Branches.Count; b++)
            {
                var (ids, first) = group.Branches[b];
                Spans.Add((index, b, rows.Count, ids.Length - first));
                // The last token only is a target: nothing after it is predicted, so it is not read.
                var start = ids.Length > 1 ? Batch.Segments[Batch.Add(ids.AsSpan(0, ids.Length - 1), root)].Start : 0;
                for (var t = first; t < ids.Length; t++)
                {
                    rows.Add(t == 0 ? Batch.Segments[root].End - 1 : start + t - 1);
                    tokens.Add(ids[t]);
                }
            }
        }
    }
}
