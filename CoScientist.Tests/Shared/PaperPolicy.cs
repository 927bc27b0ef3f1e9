using CoScientist.Core.Grading.PaperProtocol;
using CoScientist.Core.Runs;
using CoScientist.Training.Checkpoints;
using CoScientist.Training.Engines;
using CoScientist.Training.Kernels;
using CoScientist.Training.Model;
using CoScientist.Training.Protocols;
using CoScientist.Training.Tokenization;

namespace CoScientist.Tests.Shared;

/// <summary>An untrained model of Qwen3's architecture with a byte-level tokenizer and a ChatML template, and real goals for it.</summary>
internal static class PaperPolicy
{
    /// <summary>Occurs in every rubric item, and nowhere else.</summary>
    public const string RubricWord = "zugzwang";

    /// <summary>Occurs in every reference solution, and nowhere else.</summary>
    public const string ReferenceWord = "quixotry";

    private const string Template = """
        {%- for message in messages %}
            {{- '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>\n' }}
        {%- endfor %}
        {%- if add_generation_prompt %}
            {{- '<|im_start|>assistant\n' }}
            {%- if enable_thinking is defined and enable_thinking is false %}
                {{- '<think>\n\n</think>\n\n' }}
            {%- endif %}
        {%- endif %}
        """;

    // Merges learned from the prompts keep them short.
    public static BpeTokenizer Tokenizer { get; } = BpeTrainer.Train(
        [PaperPrompts.WritePlan("g").System, PaperPrompts.Grade(Task).System, PaperPrompts.GradeItem(Task, 0).System, PaperPrompts.WritePlanWithRubric("g", ["i"]).System],
        1200,
        ["<|im_start|>", "<|im_end|>"]);

    /// <summary>More rows than tokens, as Qwen3 has.</summary>
    public static ModelConfig Config { get; } = new()
    {
        VocabularySize = Tokenizer.VocabularySize + 5,
        HiddenSize = 16,
        Layers = 2,
        Heads = 2,
        KeyValueHeads = 1,
        HeadDim = 8,
        FeedForwardSize = 24,
        MaxPositions = 2048,
    };

    private static PaperGradingTask Task => new("goal", ["item"], null, "plan");

    /// <summary>Writes a checkpoint as it comes from a model's page.</summary>
    public static string Write(string directory, long seed)
    {
        using var pool = new WorkerPool(1);
        using var engine = new CpuEngine(Config, Tokenizer, pool);
        engine.Weights.Initialise(Config, seed);
        engine.WeightsChanged();
        engine.Save(directory, new Dictionary<string, string>(StringComparer.Ordinal));
        File.Delete(Path.Combine(directory, CheckpointManifest.FileName));
        File.WriteAllText(Path.Combine(directory, "chat_template.jinja"), Template);
        File.WriteAllText(Path.Combine(directory, "generation_config.json"), $$"""{ "eos_token_id": [{{Tokenizer.TokenId("<|im_end|>")}}] }""");
        return directory;
    }

    /// <summary>How such a checkpoint is spoken to.</summary>
    public static ChatFormat Chat(string directory) => ChatFormat.Load(directory, Tokenizer, Config.VocabularySize);

    public static RunData Data(int train, int validation, int test) => new(Goals("train", train), Goals("validation", validation), Goals("test", test));

    private static RunGoal[] Goals(string split, int count) =>
        [.. Enumerable.Range(0, count).Select(g => new RunGoal(
            $"{split}-{g}",
            g % 2 == 0 ? "ml" : "medicine",
            $"Find out why effect {g} of the {split} study varies.",
            null,
            $"Measure it {g} times, with {ReferenceWord}.",
            1,
            [.. Enumerable.Range(0, 2 + (g % 2)).Select(k => new RunItem($"{split}-{g}#{k}", k, $"controls for {RubricWord} number {k}"))]))];
}
