using CoScientist.Tests.Training.Model;
using CoScientist.Training.Checkpoints;
using CoScientist.Training.Model;

namespace CoScientist.Tests.Training.Checkpoints;

public sealed class HuggingFaceConfigTests : IDisposable
{
    // The published configuration of Qwen3-0.6B, without the fields that say nothing about its shape.
    private const string Qwen3 = """
        {"architectures":["Qwen3ForCausalLM"],"attention_bias":false,"bos_token_id":151643,"eos_token_id":151645,"head_dim":128,
         "hidden_act":"silu","hidden_size":1024,"intermediate_size":3072,"max_position_embeddings":40960,"model_type":"qwen3",
         "num_attention_heads":16,"num_hidden_layers":28,"num_key_value_heads":8,"rms_norm_eps":1e-06,"rope_scaling":null,
         "rope_theta":1000000,"sliding_window":null,"tie_word_embeddings":true,"torch_dtype":"bfloat16","use_sliding_window":false,"vocab_size":151936}
        """;

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Read_Qwen3_takes_its_shape()
    {
        var config = Read(Qwen3);

        Assert.Equal(
            new ModelConfig
            {
                VocabularySize = 151_936,
                HiddenSize = 1024,
                Layers = 28,
                Heads = 16,
                KeyValueHeads = 8,
                HeadDim = 128,
                FeedForwardSize = 3072,
                RopeTheta = 1_000_000,
                RmsNormEpsilon = 1e-6,
                TiedEmbeddings = true,
                MaxPositions = 40_960,
                QkNorm = true,
            },
            config);
    }

    [Theory]
    [InlineData("qwen3")]
    [InlineData("qwen2")]
    [InlineData("llama")]
    public void Read_after_write_gives_the_configuration_back(string family)
    {
        var config = ModelConfigTests.Tiny with
        {
            QkNorm = family == "qwen3",
            AttentionBias = family == "qwen2",
            TiedEmbeddings = family == "llama",
            RopeTheta = 12_345,
            RmsNormEpsilon = 1e-5,
        };

        var json = HuggingFaceConfig.Write(config, TensorType.BF16);

        Assert.Equal(config, Read(json));
        Assert.Contains($"\"model_type\": \"{family}\"", json, StringComparison.Ordinal);
        Assert.Contains("\"torch_dtype\": \"bfloat16\"", json, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_rope_parameters_hold_the_base() =>
        Assert.Equal(500_000, Read(Qwen3.Replace("\"rope_theta\":1000000", "\"rope_parameters\":{\"rope_type\":\"default\",\"rope_theta\":500000}", StringComparison.Ordinal)).RopeTheta);

    [Fact]
    public void Read_Llama_without_optional_fields_takes_its_defaults()
    {
        var config = Read("""{"model_type":"llama","hidden_size":64,"intermediate_size":128,"num_attention_heads":4,"num_hidden_layers":2,"vocab_size":100}""");

        Assert.Equal((16, 4, 10_000.0, false, false, 2048), (config.HeadDim, config.KeyValueHeads, config.RopeTheta, config.TiedEmbeddings, config.QkNorm, config.MaxPositions));
    }

    [Theory]
    [InlineData("\"model_type\":\"qwen3\"", "\"model_type\":\"qwen3_moe\"", "model_type is \"qwen3_moe\"")]
    [InlineData("\"model_type\":\"qwen3\"", "\"x\":1", "model_type is \"\"")]
    [InlineData("\"hidden_size\":1024,", "", "hidden_size is missing")]
    [InlineData("\"hidden_size\":1024", "\"hidden_size\":\"big\"", "hidden_size is \"big\"; a whole number is expected")]
    [InlineData("\"hidden_size\":1024", "\"hidden_size\":10.5", "hidden_size is 10.5")]
    [InlineData("\"hidden_size\":1024", "\"hidden_size\":-4", "HiddenSize (-4) must be at least 1")]
    [InlineData("\"num_key_value_heads\":8", "\"num_key_value_heads\":3", "KeyValueHeads (3) must divide Heads (16)")]
    [InlineData("\"hidden_act\":\"silu\"", "\"hidden_act\":\"gelu\"", "hidden_act is not \"silu\"")]
    [InlineData("\"attention_bias\":false", "\"attention_bias\":true", "attention_bias is set")]
    [InlineData("\"rope_scaling\":null", "\"rope_scaling\":{\"rope_type\":\"yarn\",\"factor\":4.0}", "rope_scaling asks for \"yarn\"")]
    [InlineData("\"use_sliding_window\":false", "\"use_sliding_window\":true", "use_sliding_window is set")]
    [InlineData("\"tie_word_embeddings\":true", "\"tie_word_embeddings\":1", "tie_word_embeddings is 1; true or false is expected")]
    [InlineData("\"rope_scaling\":null", "\"quantization_config\":{}", "the weights are quantized")]
    public void Read_fault_names_the_field(string part, string replacement, string expected)
    {
        Assert.Contains(part, Qwen3, StringComparison.Ordinal);

        var message = Assert.Throws<InvalidDataException>(() => Read(Qwen3.Replace(part, replacement, StringComparison.Ordinal))).Message;

        Assert.StartsWith(folder.Path, message, StringComparison.Ordinal);
        Assert.Contains(expected, message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_several_faults_names_all()
    {
        var message = Assert.Throws<InvalidDataException>(() => Read("{}")).Message;

        Assert.All(["model_type", "vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size"], name => Assert.Contains(name, message, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("")]
    [InlineData("{\"a\":")]
    public void Read_not_JSON_says_so(string json) =>
        Assert.Contains("is not JSON", Assert.Throws<InvalidDataException>(() => Read(json)).Message, StringComparison.Ordinal);

    private ModelConfig Read(string json)
    {
        var path = folder.File("config.json");
        File.WriteAllText(path, json);
        return HuggingFaceConfig.Read(path);
    }
}
