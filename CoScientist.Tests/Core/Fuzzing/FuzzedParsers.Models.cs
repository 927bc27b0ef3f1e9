using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using CoScientist.Tests.Training.Model;
using CoScientist.Tests.Training.Tokenization;
using CoScientist.Training.Chat;
using CoScientist.Training.Checkpoints;
using CoScientist.Training.Checkpoints.Adapters;
using CoScientist.Training.Checkpoints.Gguf;
using CoScientist.Training.Model;
using CoScientist.Training.Protocols;
using CoScientist.Training.Tensors;
using CoScientist.Training.Tokenization;

namespace CoScientist.Tests.Core.Fuzzing;

// The files of models.
internal sealed partial class FuzzedParsers
{
    private const string Template = """
        {%- macro turn(role, text) %}{{ '<|im_start|>' + role + '\n' + (text | trim) }}{% endmacro %}
        {%- if messages[0]['role'] == 'system' %}{%- set first = messages[0].content %}{% set messages = messages[1:] %}{% else %}{% set first = 'Be brief.' %}{% endif %}
        {%- for message in messages %}
            {%- if loop.first and first is defined and first | length > 0 %}{{- turn('system', first) }}{% endif %}
            {{- '<|im_start|>' ~ message.role ~ '\n' + message.content.split('</think>')[-1].lstrip('\n') + '<|im_end|>\n' }}
        {%- endfor %}
        {%- if add_generation_prompt %}{{- '<|im_start|>assistant\n' }}{%- if enable_thinking is defined and not enable_thinking %}{{- '<think>\n\n</think>\n\n' }}{%- endif %}{%- endif %}
        """;

    private static readonly ModelConfig s_model = ModelConfigTests.Tiny with { VocabularySize = 300, Layers = 1 };

    private FuzzedParser Weights(string name)
    {
        switch (name)
        {
            case "safetensors":
                return OfFile("model.safetensors", [Made("good.safetensors", path => SafetensorsFile.Write(path, [new("model.norm.weight", [4], new float[4]), new("x", [2, 3], new float[6])]))], path =>
                {
                    using var file = SafetensorsFile.Open(path);
                    foreach (var tensor in file.Tensors.Where(tensor => tensor.Type is not null))
                    {
                        tensor.Read(0, new float[tensor.Spec.Count]);
                    }

                    return file.Tensors.Count > 0;
                });
            case "gguf":
                return OfFile("model.gguf", [Made("good.gguf", path => ModelConversion.Convert(Model(), path, TensorType.F16, adapter: null, progress: null, CancellationToken.None))], path =>
                {
                    using var file = GgufFile.Open(path);
                    return GgufModel.Config(file).Layers > 0 && GgufTokenizer.Read(file).VocabularySize > 0;
                });
            case "index":
                return OfFile("model.safetensors.index.json", Texts("""{"metadata":{"total_size":40},"weight_map":{"a":"model-00001-of-00002.safetensors","b":"model-00002-of-00002.safetensors"}}"""), path => ShardIndex.Read(path).Count > 0);
            case "manifest":
                return OfFile(CheckpointManifest.FileName, Texts("""{"version":1,"origin":{"run":"r"},"files":{"config.json":{"bytes":5,"sha256":"00"}}}"""), path => CheckpointManifest.Read(Path.GetDirectoryName(path)!) is not null);
            case "config":
                return OfFile("config.json", [File.ReadAllBytes(Path.Combine(Model(), "config.json")), .. Texts("""{"model_type":"llama","hidden_act":"silu","hidden_size":8,"intermediate_size":16,"num_hidden_layers":2,"num_attention_heads":4,"num_key_value_heads":2,"vocab_size":300,"max_position_embeddings":64,"rms_norm_eps":1e-5,"rope_scaling":{"rope_type":"llama3","factor":8,"low_freq_factor":1,"high_freq_factor":4,"original_max_position_embeddings":32}}""")], path => HuggingFaceConfig.Read(path).Layers > 0);
            default:
                return OfFile(AdapterConfig.FileName, Texts("""{"peft_type":"LORA","r":4,"lora_alpha":8,"lora_dropout":0.1,"use_rslora":false,"target_modules":["q_proj","down_proj"],"bias":"none","rank_pattern":{"mlp.down_proj":2},"alpha_pattern":{"mlp.down_proj":3.5},"base_model_name_or_path":"b","modules_to_save":null}"""), path => AdapterConfig.Read(path).Rank > 0);
        }
    }

    private FuzzedParser Tokens(string name)
    {
        var chat = folder.File("chat");
        Directory.CreateDirectory(chat);
        var tokenizer = BpeTrainer.Train(["the aim is the aim"], 300, ["<end>"]);
        File.WriteAllText(Path.Combine(chat, ChatTemplate.FileName), "{{ messages[0].content }}");
        return name switch
        {
            "tokenizer" => OfFile("tokenizer.json", [.. Texts(TokenizerFixture.With(["th", "the"], ["\"t h\"", "\"th e\""])), File.ReadAllBytes(Path.Combine(Model(), "tokenizer.json"))], path => BpeTokenizer.Load(path).Encode("the the 12 <end>", allowSpecial: true).Length > 0),
            "template" => OfFile("template/" + ChatTemplate.FileName, Texts(Template), path => Rendered(Path.GetDirectoryName(path)!)),
            "settings" => OfFile("settings/tokenizer_config.json", Texts(JsonSerializer.Serialize(new { bos_token = "<s>", eos_token = new { content = "<end>" }, chat_template = Template }), """{"chat_template":[{"name":"default","template":"{{ messages[0].content }}"},{"name":"tool_use","template":"x"}],"eos_token":"<end>"}"""), path => Rendered(Path.GetDirectoryName(path)!)),
            _ => OfFile("chat/generation_config.json", Texts("""{"eos_token_id":[1,2],"bos_token_id":0,"temperature":0.6}""", """{"eos_token_id":299}"""), path => ChatFormat.Load(Path.GetDirectoryName(path)!, tokenizer, 300).EndTokens.Length > 0),
        };

        static bool Rendered(string directory) =>
            ChatTemplate.Load(directory).Render([new("system", "Be kind."), new("user", " Why? "), new("assistant", "<think>x</think>So."), new("user", "Oh")], addGenerationPrompt: true, new JsonObject { ["enable_thinking"] = false }).Count >= 0;
    }

    /// <summary>A small checkpoint.</summary>
    private string Model()
    {
        var directory = folder.File("good");
        if (!Directory.Exists(directory))
        {
            CheckpointFolder.Write(directory, s_model, [.. s_model.Tensors().Select(spec => new NamedTensor(spec.Name, spec.Shape, new float[spec.Count]))], BpeTrainer.Train(["the aim is the aim"], 300, ["<end>"]), new Dictionary<string, string>(StringComparer.Ordinal));
        }

        return directory;
    }

    private byte[] Made(string name, Action<string> make)
    {
        make(folder.File(name));
        return File.ReadAllBytes(folder.File(name));
    }
}
