using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace CoScientist.Training.Checkpoints.Gguf;

/// <summary>What a GGUF file says of a model's use, as the small files of a folder.</summary>
internal static class GgufCompanions
{
    private static readonly JsonSerializerOptions Writing = new() { WriteIndented = true };

    /// <summary>Template, special ids and tokenizer settings.</summary>
    public static Companions Of(GgufFile file)
    {
        var files = new Dictionary<string, byte[]>(StringComparer.Ordinal);
        var generation = new JsonObject();
        var settings = new JsonObject { ["tokenizer_class"] = "PreTrainedTokenizerFast", ["clean_up_tokenization_spaces"] = false };
        var tokens = file.Find<string[]>("tokenizer.ggml.tokens") ?? [];
        foreach (var (name, key) in new[] { ("bos", "bos_token_id"), ("eos", "eos_token_id"), ("pad", "padding_token_id") })
        {
            if (file.Whole("tokenizer.ggml." + key) is { } id && id < tokens.Length)
            {
                generation[name + "_token_id"] = id;
                settings[name + "_token"] = tokens[id];
            }
        }

        if (file.Find<string>("tokenizer.chat_template") is { } template)
        {
            files.Add("chat_template.jinja", Encoding.UTF8.GetBytes(template));
        }

        files.Add("generation_config.json", Bytes(generation));
        files.Add(CheckpointFolder.TokenizerConfigFile, Bytes(settings));
        return new Companions(null, files);
    }

    private static byte[] Bytes(JsonObject json) => Encoding.UTF8.GetBytes(json.ToJsonString(Writing) + "\n");
}
