using CoScientist.Training.Model;

namespace CoScientist.Tests.Shared;

/// <summary>The variants of the decoder that the engine computes, on any sizes.</summary>
internal static class ModelFamilies
{
    /// <summary>A shape (of the Qwen3 kind) turned into one of another family.</summary>
    public static ModelConfig Shape(string family, ModelConfig sizes) => family switch
    {
        "qwen3" => sizes,
        "qwen3 sliding" => sizes with { SlidingWindow = 9, SlidingLayers = new([0, 2]), Layers = 3 },
        "qwen2" => sizes with { QkNorm = false, AttentionBias = true },
        "qwen2 sliding" => sizes with { QkNorm = false, AttentionBias = true, SlidingWindow = 70, SlidingLayers = new([1]) },
        "llama" => sizes with { QkNorm = false, TiedEmbeddings = false, RopeTheta = 500_000 },
        "llama biased" => sizes with { QkNorm = false, TiedEmbeddings = false, AttentionBias = true, OutputBias = true, FeedForwardBias = true },
        "qwen3 biased" => sizes with { AttentionBias = true, OutputBias = true },
        "llama 3" => sizes with { QkNorm = false, TiedEmbeddings = false, RopeTheta = 100, RopeScaling = new() { Kind = RopeScalingKind.Llama3, Factor = 8, OriginalMaxPositions = 64 } },
        "linear" => sizes with { QkNorm = false, RopeScaling = new() { Kind = RopeScalingKind.Linear, Factor = 4 } },
        "yarn" => sizes with { RopeTheta = 100, RopeScaling = new() { Kind = RopeScalingKind.Yarn, Factor = 4, OriginalMaxPositions = 64 } },
        "experts" => sizes with { Experts = 7, ExpertsPerToken = 3, ExpertSize = 11, DenseLayers = new([1]) },
        "experts normalised" => sizes with { Experts = 5, ExpertsPerToken = 2, ExpertSize = 9, NormaliseExperts = true, TiedEmbeddings = false },
        "experts balanced" => sizes with { Experts = 4, ExpertsPerToken = 2, ExpertSize = 8, NormaliseExperts = true },
        _ => throw new ArgumentException($"No family '{family}'.", nameof(family)),
    };
}
