using CoScientist.Training.Kernels;
using CoScientist.Training.Tensors;

namespace CoScientist.Training.Model;

/// <content>What is kept for the backward pass, and what that takes besides.</content>
internal sealed unsafe partial class LanguageHead
{
    /// <summary>Rows whose gradients of logits exist at a time, where none are kept.</summary>
    public const int BackwardRows = 512;

    /// <summary>Logits that are kept: 64 MiB.</summary>
    private const long MostKept = 1 << 24;

    /// <summary>Floats that training on a number of targets takes, threads' own aside: their hidden states, normalisers and kept logits, and the gradients of one block.</summary>
    public static long BackwardLength(ModelConfig config, int targets, bool keep)
    {
        var rows = keep ? KeptRows(config, targets) : 0;
        var block = default(Arena);
        Plan(config, targets, rows, null, ref block);
        return ((config.HiddenSize + 1L) * targets) + ((long)rows * MatMul.Padded(config.VocabularySize)) + block.Used;
    }

    /// <summary>Floats that each thread takes.</summary>
    public static long ThreadLength(ModelConfig config) => (long)RowsPerTask * MatMul.Padded(config.VocabularySize);

    /// <summary>Rows whose logits are kept: all, or whole blocks of the backward pass.</summary>
    private static int KeptRows(ModelConfig config, int targets)
    {
        var most = MostKept / MatMul.Padded(config.VocabularySize);
        return targets <= most ? targets : (int)(most / BackwardRows * BackwardRows);
    }

    /// <summary>The memory of a backward pass.</summary>
    private BackwardRoom Room(int targets)
    {
        var measured = default(Arena);
        Plan(model.Config, targets, keptRows, null, ref measured);
        var arena = new Arena(backward.GetExactly(measured.Used));
        return Plan(model.Config, targets, keptRows, kept.Get((long)keptRows * Stride), ref arena);
    }

    private static BackwardRoom Plan(ModelConfig config, int targets, int keptRows, float* kept, ref Arena arena)
    {
        var rows = Math.Min(BackwardRows, targets);
        var logits = arena.Take(keptRows < targets ? (long)rows * MatMul.Padded(config.VocabularySize) : 0);
        return new BackwardRoom(kept, logits, arena.Take((long)rows * config.HiddenSize), arena.Take(LinearInput.PackedLength(rows, config.HiddenSize)));
    }

    /// <summary>Logits that were kept, and for one block of rows: logits that were not, gradients of hidden states, and packed hidden states.</summary>
    private readonly struct BackwardRoom(float* kept, float* logits, float* rows, float* packed)
    {
        public readonly float* Kept = kept;

        public readonly float* Logits = logits;

        public readonly float* Rows = rows;

        public readonly float* Packed = packed;
    }
}
