using System.Globalization;
using System.Text;
using CoScientist.Core;
using CoScientist.Core.Grading.PaperProtocol;
using CoScientist.Training.Model;
using CoScientist.Training.Tensors;
using CoScientist.Training.Tokenization;

namespace CoScientist.Training.Checkpoints;

/// <summary>
/// Checkpoints of published shapes with random weights, to try commands, memory and time on before the real ones are there.
/// They have learnt nothing: what they write is noise. Their tokenizer is a small one with the published special tokens, trained
/// on the software's own prompts, and the rest of the vocabulary has rows but no text; their chat template is ChatML.
/// </summary>
public static class RandomCheckpoint
{
    private const int TokenizerSize = 4096;

    private const string ChatTemplate = """
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

    private static readonly string[] Special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<think>", "</think>"];

    /// <summary>The shapes by name: Qwen3-0.6B as its authors published it, and a tiny one of the same architecture.</summary>
    public static IReadOnlyDictionary<string, ModelConfig> Shapes { get; } = new Dictionary<string, ModelConfig>(StringComparer.Ordinal)
    {
        ["qwen3-0.6b"] = new()
        {
            VocabularySize = 151_936,
            HiddenSize = 1024,
            Layers = 28,
            Heads = 16,
            KeyValueHeads = 8,
            HeadDim = 128,
            FeedForwardSize = 3072,
            RopeTheta = 1_000_000,
            MaxPositions = 40_960,
        },
        ["qwen3-tiny"] = new()
        {
            VocabularySize = TokenizerSize,
            HiddenSize = 32,
            Layers = 2,
            Heads = 4,
            KeyValueHeads = 2,
            HeadDim = 16,
            FeedForwardSize = 64,
            RopeTheta = 1_000_000,
            MaxPositions = 8192,
        },
    };

    /// <summary>Writes a folder; the same seed gives the same bytes.</summary>
    /// <param name="directory">The folder; must not exist.</param>
    /// <param name="shape">One of <see cref="Shapes"/>.</param>
    /// <param name="seed">Seed of the weights.</param>
    /// <param name="type">Element type of the weights: F32, BF16 or F16.</param>
    /// <param name="cancellationToken">Stops between parts of tensors and leaves nothing.</param>
    /// <exception cref="ArgumentException">There is no such shape.</exception>
    /// <exception cref="IOException">The folder exists already, or the disk refuses; nothing has changed.</exception>
    public static void Write(string directory, string shape, long seed, TensorType type, CancellationToken cancellationToken)
    {
        if (!Shapes.TryGetValue(shape, out var config))
        {
            throw new ArgumentException($"There is no shape \"{shape}\": choose among {string.Join(", ", Shapes.Keys)}.", nameof(shape));
        }

        var tokenizer = BpeTrainer.Train(Corpus(), TokenizerSize, Special);
        var origin = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["weights"] = "random",
            ["shape"] = shape,
            ["seed"] = seed.ToString(CultureInfo.InvariantCulture),
        };
        var content = new CheckpointContent(config, [.. config.Tensors().Select((spec, index) => Random(spec, seed, index))], tokenizer, origin, Settings(tokenizer));
        CheckpointFolder.Write(directory, content, type, SafetensorsWriter.DefaultShardBytes, cancellationToken);
    }

    /// <summary>Gains of 1, and matrices uniform within 1/√width: what goes in and what comes out are of one size.</summary>
    private static TensorSource Random(TensorSpec spec, long seed, int index) => new(spec, (row, values) =>
    {
        if (spec.Shape.Length == 1)
        {
            values.Fill(1);
            return;
        }

        // A part of a tensor begins with a whole row, and every row has a stream of its own.
        var width = spec.Shape[^1];
        var scale = (float)(1 / Math.Sqrt(width));
        for (var at = 0; at < values.Length; at += width, row++)
        {
            var random = new SeededRandom(seed, index, row);
            foreach (ref var value in values.Slice(at, width))
            {
                value = scale * ((float)(random.NextUInt64() >> 40) / (1 << 23) - 1);
            }
        }
    });

    private static string[] Corpus()
    {
        var task = new PaperGradingTask("", [""], null, "");
        return [PaperPrompts.WritePlan("").System, PaperPrompts.WritePlanWithRubric("", [""]).System, PaperPrompts.Grade(task).System, PaperPrompts.GradeItem(task, 0).System, PaperPrompts.Compare(new("", "", "")).System];
    }

    private static Companions Settings(BpeTokenizer tokenizer)
    {
        var end = string.Join(", ", new[] { "<|im_end|>", "<|endoftext|>" }.Select(token => tokenizer.TokenId(token).ToString(CultureInfo.InvariantCulture)));
        return new Companions(null, new Dictionary<string, byte[]>(StringComparer.Ordinal)
        {
            ["chat_template.jinja"] = Encoding.UTF8.GetBytes(ChatTemplate),
            ["generation_config.json"] = Encoding.UTF8.GetBytes($"{{ \"eos_token_id\": [{end}] }}\n"),
        });
    }
}
