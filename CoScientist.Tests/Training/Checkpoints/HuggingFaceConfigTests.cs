using CoScientist.Tests.Shared;
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
    [InlineData("qwen3", "qwen3")]
    [InlineData("qwen3 sliding", "qwen3")]
    [InlineData("qwen2", "qwen2")]
    [InlineData("qwen2 sliding", "qwen2")]
    [InlineData("llama", "llama")]
    [InlineData("llama biased", "llama")]
    [InlineData("qwen3 biased", "qwen3")]
    [InlineData("llama 3", "llama")]
    [InlineData("linear", "llama")]
    [InlineData("yarn", "qwen3")]
    [InlineData("experts", "qwen3_moe")]
    [InlineData("experts normalised", "qwen3_moe")]
    public void Read_after_write_gives_the_configuration_back(string family, string type)
    {
        var config = ModelFamilies.Shape(family, ModelConfigTests.Tiny with { RopeTheta = 12_345, RmsNormEpsilon = 1e-5 });

        var json = HuggingFaceConfig.Write(config, TensorType.BF16);

        Assert.Equal(config, Read(json));
        Assert.Contains($"\"model_type\": \"{type}\"", json, StringComparison.Ordinal);
        Assert.Contains("\"torch_dtype\": \"bfloat16\"", json, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_Llama_3_1_takes_its_scaling()
    {
        var config = Read("""
            {"model_type":"llama","hidden_size":4096,"intermediate_size":14336,"num_attention_heads":32,"num_hidden_layers":32,"num_key_value_heads":8,
             "vocab_size":128256,"max_position_embeddings":131072,"rms_norm_eps":1e-05,"rope_theta":500000.0,"tie_word_embeddings":false,"attention_bias":false,"mlp_bias":false,
             "rope_scaling":{"factor":8.0,"low_freq_factor":1.0,"high_freq_factor":4.0,"original_max_position_embeddings":8192,"rope_type":"llama3"}}
            """);

        Assert.Equal(new RopeScaling { Kind = RopeScalingKind.Llama3, Factor = 8, LowFrequencyFactor = 1, HighFrequencyFactor = 4, OriginalMaxPositions = 8192 }, config.RopeScaling);
        Assert.Equal((128, 131_072, 500_000.0), (config.HeadDim, config.MaxPositions, config.RopeTheta));
    }

    [Fact]
    public void Read_Qwen3_30B_takes_its_experts()
    {
        var config = Read("""
            {"model_type":"qwen3_moe","attention_bias":false,"decoder_sparse_step":1,"head_dim":128,"hidden_act":"silu","hidden_size":2048,"intermediate_size":6144,
             "max_position_embeddings":40960,"max_window_layers":48,"mlp_only_layers":[],"moe_intermediate_size":768,"norm_topk_prob":true,"num_attention_heads":32,
             "num_experts":128,"num_experts_per_tok":8,"num_hidden_layers":48,"num_key_value_heads":4,"rms_norm_eps":1e-06,"rope_scaling":null,"rope_theta":1000000.0,
             "router_aux_loss_coef":0.001,"sliding_window":null,"tie_word_embeddings":false,"use_sliding_window":false,"vocab_size":151936}
            """);

        Assert.Equal(30_532_122_624, config.ParameterCount);
        Assert.Equal((128, 8, 768, true), (config.Experts, config.ExpertsPerToken, config.ExpertSize, config.NormaliseExperts));
    }

    [Fact]
    public void Read_sparse_step_and_dense_list_say_which_layers_have_experts()
    {
        var config = Read("""
            {"model_type":"qwen3_moe","hidden_size":8,"intermediate_size":8,"num_attention_heads":2,"num_hidden_layers":6,"vocab_size":100,
             "num_experts":4,"num_experts_per_tok":2,"decoder_sparse_step":2,"mlp_only_layers":[3]}
            """);

        Assert.Equal([1, 5], Enumerable.Range(0, 6).Where(config.HasExperts));
    }

    [Theory]
    [InlineData("\"use_sliding_window\":true,\"sliding_window\":64,\"max_window_layers\":3", 64, new[] { 3, 4 })]
    [InlineData("\"use_sliding_window\":false,\"sliding_window\":64,\"max_window_layers\":3", 0, new int[0])]
    [InlineData("\"use_sliding_window\":true,\"sliding_window\":64", 0, new int[0])]
    [InlineData("\"use_sliding_window\":true,\"sliding_window\":64,\"layer_types\":[\"sliding_attention\",\"full_attention\",\"sliding_attention\",\"full_attention\",\"full_attention\"]", 64, new[] { 0, 2 })]
    public void Read_Qwen2_window_is_for_the_layers_that_it_says(string fields, int window, int[] layers)
    {
        var config = Read($$"""{"model_type":"qwen2","hidden_size":8,"intermediate_size":8,"num_attention_heads":2,"num_hidden_layers":5,"vocab_size":100,{{fields}}}""");

        Assert.Equal((window, new LayerSet(layers)), (config.SlidingWindow, config.SlidingLayers));
    }

    [Fact]
    public void Read_Mistral_slides_in_every_layer_when_it_has_a_window()
    {
        const string Fields = "{\"model_type\":\"mistral\",\"hidden_size\":8,\"intermediate_size\":8,\"num_attention_heads\":2,\"num_key_value_heads\":1,\"num_hidden_layers\":2,\"vocab_size\":100,\"sliding_window\":";

        var sliding = Read(Fields + "32}");

        Assert.Equal((32, 32, false), (sliding.Window(0), sliding.Window(1), sliding.QkNorm));
        Assert.Equal(sliding, Read(HuggingFaceConfig.Write(sliding, TensorType.F32)));
        Assert.Equal(0, Read(Fields + "null}").Window(0));
    }

    [Fact]
    public void Read_yarn_reaches_as_far_as_its_factor_says() =>
        Assert.Equal(131_072, Read(Qwen3.Replace("\"rope_scaling\":null", "\"rope_scaling\":{\"rope_type\":\"yarn\",\"factor\":4.0,\"original_max_position_embeddings\":32768}", StringComparison.Ordinal)).MaxPositions);

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
    [InlineData("\"model_type\":\"qwen3\"", "\"model_type\":\"gpt2\"", "model_type is \"gpt2\"")]
    [InlineData("\"model_type\":\"qwen3\"", "\"x\":1", "model_type is \"\"")]
    [InlineData("\"hidden_size\":1024,", "", "hidden_size is missing")]
    [InlineData("\"hidden_size\":1024", "\"hidden_size\":\"big\"", "hidden_size is \"big\"; a whole number is expected")]
    [InlineData("\"hidden_size\":1024", "\"hidden_size\":10.5", "hidden_size is 10.5")]
    [InlineData("\"hidden_size\":1024", "\"hidden_size\":-4", "HiddenSize (-4) must be at least 1")]
    [InlineData("\"num_key_value_heads\":8", "\"num_key_value_heads\":3", "KeyValueHeads (3) must divide Heads (16)")]
    [InlineData("\"hidden_act\":\"silu\"", "\"hidden_act\":\"gelu\"", "hidden_act is not \"silu\"")]
    [InlineData("\"model_type\":\"qwen3\"", "\"model_type\":\"mistral\",\"attention_bias\":true", "attention_bias is set, which mistral does not have")]
    [InlineData("\"attention_bias\":false", "\"mlp_bias\":true", "mlp_bias is set, which qwen3 does not have")]
    [InlineData("\"rope_scaling\":null", "\"rope_scaling\":{\"rope_type\":\"longrope\",\"factor\":4.0}", "rope_scaling: rope_type is \"longrope\"")]
    [InlineData("\"rope_scaling\":null", "\"rope_scaling\":{\"type\":\"linear\"}", "rope_scaling: factor is missing")]
    [InlineData("\"rope_scaling\":null", "\"rope_scaling\":{\"type\":\"linear\",\"factor\":0.5}", "RopeScaling.Factor (0.5)")]
    [InlineData("\"rope_scaling\":null", "\"rope_scaling\":{\"type\":\"llama3\",\"factor\":8}", "llama3 needs original_max_position_embeddings")]
    [InlineData("\"rope_scaling\":null", "\"layer_types\":[\"full_attention\"]", "layer_types has 1 entries for 28 layers")]
    [InlineData("\"rope_scaling\":null", "\"layer_types\":\"full\"", "a list of texts is expected")]
    [InlineData("\"num_hidden_layers\":28", "\"num_hidden_layers\":2000000000", "Layers (2000000000) must be at most")]
    [InlineData("\"model_type\":\"qwen3\"", "\"model_type\":\"qwen3_moe\",\"num_experts\":4", "Experts (4) need")]
    [InlineData("\"model_type\":\"qwen3\"", "\"model_type\":\"qwen3_moe\",\"mlp_only_layers\":[\"a\"]", "a list of whole numbers is expected")]
    [InlineData("\"model_type\":\"qwen3\"", "\"model_type\":\"qwen3_moe\",\"decoder_sparse_step\":0", "decoder_sparse_step is 0")]
    [InlineData("\"use_sliding_window\":false", "\"use_sliding_window\":true,\"max_window_layers\":2,\"sliding_window\":0", "SlidingWindow (0) must be at least 1")]
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
