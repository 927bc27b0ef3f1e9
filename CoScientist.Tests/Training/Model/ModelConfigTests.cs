using CoScientist.Training.Model;

namespace CoScientist.Tests.Training.Model;

public sealed class ModelConfigTests
{
    internal static ModelConfig Tiny { get; } = new()
    {
        VocabularySize = 11,
        HiddenSize = 6,
        Layers = 2,
        Heads = 4,
        KeyValueHeads = 2,
        HeadDim = 2,
        FeedForwardSize = 5,
    };

    [Fact]
    public void ParameterCount_tiny_equals_the_hand_count()
    {
        // Per layer: two norms 12, q 48, k and v 48, q/k norms 4, o 48, feed-forward 90; plus embedding 66 and last norm 6.
        Assert.Equal((2 * (12 + 48 + 48 + 4 + 48 + 90)) + 66 + 6, Tiny.ParameterCount);
    }

    [Fact]
    public void ParameterCount_of_the_published_Qwen3_0_6B_shape_is_the_published_one()
    {
        var config = new ModelConfig
        {
            VocabularySize = 151_936,
            HiddenSize = 1024,
            Layers = 28,
            Heads = 16,
            KeyValueHeads = 8,
            HeadDim = 128,
            FeedForwardSize = 3072,
            RopeTheta = 1_000_000,
        };

        Assert.Equal(596_049_920, config.ParameterCount);
    }

    [Fact]
    public void Tensors_untied_with_bias_and_without_norms_follow_the_switches()
    {
        var names = (Tiny with { TiedEmbeddings = false, AttentionBias = true, QkNorm = false }).Tensors().Select(tensor => tensor.Name).ToList();

        Assert.Contains("lm_head.weight", names);
        Assert.Contains("model.layers.1.self_attn.k_proj.bias", names);
        Assert.DoesNotContain("model.layers.0.self_attn.q_norm.weight", names);
        Assert.Equal(names.Count, names.Distinct(StringComparer.Ordinal).Count());
    }

    [Fact]
    public void Validate_several_faults_names_each()
    {
        var config = Tiny with { Layers = 0, Heads = 3, HeadDim = 5, RopeTheta = double.NaN, RmsNormEpsilon = 0 };

        var message = Assert.Throws<InvalidDataException>(config.Validate).Message;

        Assert.All(["Layers (0)", "KeyValueHeads (2) must divide Heads (3)", "HeadDim (5)", "RopeTheta", "RmsNormEpsilon"], part => Assert.Contains(part, message, StringComparison.Ordinal));
    }

    [Fact]
    public void Validate_weight_too_large_for_one_array_is_a_fault()
    {
        var config = Tiny with { VocabularySize = 1 << 20, HiddenSize = 1 << 20 };

        Assert.Contains("VocabularySize × HiddenSize", Assert.Throws<InvalidDataException>(config.Validate).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Validate_usable_configuration_passes() => Tiny.Validate();
}
