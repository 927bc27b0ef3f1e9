using System.Diagnostics;
using System.Globalization;
using System.Text;
using CoScientist.Core;
using CoScientist.Core.Goals;
using CoScientist.Training.Chat;
using CoScientist.Training.Checkpoints;
using CoScientist.Training.Engines;
using CoScientist.Training.Kernels;
using CoScientist.Training.Kernels.Mixed;
using CoScientist.Training.Model;
using CoScientist.Training.Protocols;
using CoScientist.Training.Sampling;
using CoScientist.Training.Tokenization;

namespace CoScientist.Training.Sandbox.Extractor;

/// <summary>What a build did and measured.</summary>
/// <param name="Options">Its settings.</param>
/// <param name="Parameters">Trained values.</param>
/// <param name="Tokens">Tokens computed, shared instructions counted once.</param>
/// <param name="Minutes">Time of the training.</param>
/// <param name="Loss">Mean −log p of the last steps' answers, nats per token.</param>
/// <param name="Exact">Share of answers to prompts of held-out papers (validation) that are right to the letter, by what is asked.</param>
public sealed record SandboxExtractorReport(SandboxExtractorOptions Options, long Parameters, long Tokens, double Minutes, double Loss, IReadOnlyDictionary<string, double> Exact);

/// <summary>
/// Trains a small model that answers the prompts of extraction on papers of the sandbox: the shipped base, with a tokenizer that
/// knows the words of prompts and answers, and supervised on the answers, the mean of −log p over their tokens. AdamW (0.9,
/// 0.98), decay 0.05, clip 1, cosine to 5%. It learns to copy decisions in the form that is asked for; of papers outside the
/// sandbox it understands nothing.
/// </summary>
public sealed class SandboxExtractorBuild(SandboxExtractorOptions options)
{
    private const int Context = 2048;
    private const int PapersToMeasure = 8;
    private const int Vocabulary = 8192;

    // How much of a word's row the same word at another place of a sentence starts with; the rest tells the two apart.
    private const float Alike = 0.8f;
    private const string End = "<|end|>";

    // Roles are never copied from a message: what others write can fake no turn.
    private const string Template = """
        {%- for message in messages %}
            {%- if message.role == 'system' %}{{- '<|system|>' }}{%- elif message.role == 'assistant' %}{{- '<|assistant|>' }}{%- else %}{{- '<|user|>' }}{%- endif %}
            {{- message.content }}
        {%- endfor %}
        {%- if add_generation_prompt %}{{- '<|assistant|>' }}{%- endif %}
        """;

    private static readonly string[] Special = ["<|system|>", "<|user|>", "<|assistant|>", End];

    /// <summary>Trains, measures and writes a folder with weights, tokenizer and chat template.</summary>
    /// <param name="pool">Threads; they change the time only.</param>
    /// <param name="directory">The folder; must not exist.</param>
    /// <param name="say">Takes lines of progress.</param>
    /// <param name="cancellationToken">Cancels between steps; nothing is written then.</param>
    public async Task<SandboxExtractorReport> RunAsync(WorkerPool pool, string directory, Action<string> say, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(say);
        var watch = Stopwatch.StartNew();
        var tokenizer = await TrainTokenizerAsync(cancellationToken);
        using var original = CpuEngine.Load(options.Base);
        var config = original.Config with { VocabularySize = tokenizer.VocabularySize, MaxPositions = Context };
        using var engine = new CpuEngine(config, tokenizer, pool, new EngineOptions { Precision = Precision.Bfloat16 });
        engine.Weights.Initialise(config, options.Seed);
        TakeOver(original, engine);
        engine.WeightsChanged();
        var format = new ChatFormat(tokenizer, ChatTemplate.Parse(Template), [tokenizer.TokenId(End)], config.VocabularySize);
        var tokens = 0L;
        var loss = double.NaN;
        for (var step = 0; step < options.Steps; step++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var groups = await GroupsAsync(format, step, cancellationToken);
            var weight = -1f / groups.Sum(group => group.Branches.Sum(branch => branch.Tokens.Length - branch.FirstTarget));
            var statistics = engine.AccumulateLoss(groups, new SamplingOptions(), (_, _, _, gradient, _) => gradient.Fill(weight), cancellationToken);
            engine.OptimizerStep(new AdamWOptions(Rate(step), Beta2: 0.98, WeightDecay: 0.05), maxGradientNorm: 1);
            tokens += statistics.Tokens;
            loss = double.IsNaN(loss) ? -statistics.LogProbability : (0.95 * loss) + (0.05 * -statistics.LogProbability);
            if ((step + 1) % 25 == 0)
            {
                say(string.Create(CultureInfo.InvariantCulture, $"step {step + 1}/{options.Steps}  loss {loss:F4}  {tokens / watch.Elapsed.TotalSeconds:F0} tokens/s  {watch.Elapsed.TotalMinutes:F1} min"));
            }
        }

        var minutes = watch.Elapsed.TotalMinutes;
        var exact = await MeasureAsync(engine, format, cancellationToken);
        Write(engine, directory);
        return new SandboxExtractorReport(options, config.ParameterCount, tokens, minutes, loss, exact);
    }

    // Every step has papers of its own.
    private async Task<List<TrainingGroup>> GroupsAsync(ChatFormat format, int step, CancellationToken cancellationToken)
    {
        var random = new SeededRandom(options.Seed, 2, step);
        var dialogues = new List<SandboxDialogue>();
        for (var i = 0; i < options.PapersPerStep; i++)
        {
            var lessons = await SandboxLessons.OfAsync(SandboxWorld.Default.SampleGoal(random, GoalSplit.Train), random, cancellationToken);
            dialogues.AddRange(step < options.ShortPromptsUntil * options.Steps ? lessons.Take(SandboxLessons.OfLeakResistant) : lessons);
        }

        // Instructions are read once for all papers of the step.
        return
        [
            .. dialogues.GroupBy(dialogue => dialogue.Prompt.System, StringComparer.Ordinal).Select(asked =>
            {
                var prompts = asked.Select(dialogue => (Prompt: format.Prompt(dialogue.Prompt), Answer: (int[])[.. format.Tokenizer.Encode(dialogue.Answer), .. format.EndTokens])).ToList();
                var shared = Array.IndexOf(prompts[0].Prompt, format.Tokenizer.TokenId("<|user|>")) + 1;
                return new TrainingGroup(prompts[0].Prompt[..shared], [.. prompts.Select(pair => new TrainingBranch([.. pair.Prompt[shared..], .. pair.Answer], pair.Prompt.Length - shared))]);
            }),
        ];
    }

    // The base has learnt the world's words and to look sentences up; words that are new, or stand at the beginning of a sentence, start from theirs where there is one.
    private static void TakeOver(CpuEngine original, CpuEngine engine)
    {
        const string Embedding = "model.embed_tokens.weight";
        var width = engine.Config.HiddenSize;
        var known = Enumerable.Range(0, original.Tokenizer.VocabularySize).GroupBy(original.Tokenizer.TokenText, StringComparer.Ordinal).ToDictionary(text => text.Key, text => text.First(), StringComparer.Ordinal);
        var from = original.Weights.Tensors().ToDictionary(tensor => tensor.Name, StringComparer.Ordinal);
        foreach (var tensor in engine.Weights.Tensors())
        {
            var source = from[tensor.Name].Values.Span;
            if (tensor.Name != Embedding)
            {
                source.CopyTo(tensor.Values.Span);
                continue;
            }

            for (var id = 0; id < engine.Tokenizer.VocabularySize; id++)
            {
                var text = engine.Tokenizer.TokenText(id);
                var likely = (string[])[text, text.ToLowerInvariant(), " " + text, " " + text.ToLowerInvariant()];
                if (Array.Find(likely, known.ContainsKey) is { } word)
                {
                    var share = word == text ? 1f : Alike;
                    var row = tensor.Values.Span.Slice(id * width, width);
                    var other = source.Slice(known[word] * width, width);
                    for (var i = 0; i < width; i++)
                    {
                        row[i] = (share * other[i]) + ((1 - share) * row[i]);
                    }
                }
            }
        }
    }

    private async Task<BpeTokenizer> TrainTokenizerAsync(CancellationToken cancellationToken)
    {
        var random = new SeededRandom(options.Seed, 1);
        var texts = new List<string>();
        for (var i = 0; i < options.PapersForTokenizer; i++)
        {
            foreach (var dialogue in await SandboxLessons.OfAsync(SandboxWorld.Default.SampleGoal(random, GoalSplit.Train), random, cancellationToken))
            {
                texts.AddRange([dialogue.Prompt.System, dialogue.Prompt.User, dialogue.Answer]);
            }
        }

        return BpeTrainer.Train(texts, Vocabulary, Special);
    }

    private async Task<IReadOnlyDictionary<string, double>> MeasureAsync(CpuEngine engine, ChatFormat format, CancellationToken cancellationToken)
    {
        var random = new SeededRandom(options.Seed, 3);
        var dialogues = new List<SandboxDialogue>();
        foreach (var goal in SandboxLibrary.Goals.Where(goal => goal.Split == GoalSplit.Validation).Take(PapersToMeasure))
        {
            dialogues.AddRange(await SandboxLessons.OfAsync(goal, random, cancellationToken));
        }

        var sampling = new SamplingOptions { Temperature = 0, EndTokens = format.EndTokens, BannedTokens = format.NeverSampled, MaxNewTokens = Context / 2 };
        var samples = engine.Sample([.. dialogues.Select((dialogue, i) => new SampleRequest { Prompt = format.Prompt(dialogue.Prompt), Seed = i })], sampling, cancellationToken);
        var right = samples.ToDictionary(sample => sample.Request, sample => format.Text(sample.Tokens) == dialogues[sample.Request].Answer);
        return dialogues.Select((dialogue, i) => (Asked: Form(dialogue.Prompt.System), Right: right[i])).GroupBy(pair => pair.Asked, StringComparer.Ordinal)
            .ToDictionary(asked => asked.Key, asked => asked.Average(pair => pair.Right ? 1.0 : 0), StringComparer.Ordinal);
    }

    // The form of the answer stands on the last line of every prompt, or begins there.
    private static string Form(string system) => system[(system.LastIndexOf('\n') + 1)..];

    private double Rate(int step) => options.LearningRate * Math.Min(1, (step + 1.0) / options.WarmUp) * (0.05 + (0.95 * 0.5 * (1 + Math.Cos(Math.PI * step / options.Steps))));

    private void Write(CpuEngine engine, string directory)
    {
        var origin = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["command"] = string.Create(CultureInfo.InvariantCulture, $"sandbox extractor --out DIR --steps {options.Steps} --seed {options.Seed}"),
        };
        var files = new Dictionary<string, byte[]>(StringComparer.Ordinal)
        {
            [ChatTemplate.FileName] = Encoding.UTF8.GetBytes(Template + "\n"),
            ["generation_config.json"] = Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{{ \"eos_token_id\": {engine.Tokenizer.TokenId(End)} }}\n")),
        };
        CheckpointFolder.Write(directory, new CheckpointContent(engine.Config, [.. engine.Weights.Tensors().Select(TensorSource.From)], engine.Tokenizer, origin, new Companions(null, files)), TensorType.F32, SafetensorsWriter.DefaultShardBytes, CancellationToken.None);
    }
}
