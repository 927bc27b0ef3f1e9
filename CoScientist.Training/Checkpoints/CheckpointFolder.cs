using System.Text;
using System.Text.Json.Nodes;
using CoScientist.Core.Storage;
using CoScientist.Training.Checkpoints.Gguf;
using CoScientist.Training.Model;
using CoScientist.Training.Tensors;
using CoScientist.Training.Tokenization;

namespace CoScientist.Training.Checkpoints;

/// <summary>Checkpoints as folders of Hugging Face layout, with a manifest of our own.</summary>
public static class CheckpointFolder
{
    /// <summary>Name of the model's configuration.</summary>
    public const string ConfigFile = "config.json";

    /// <summary>Name of the tokenizer.</summary>
    public const string TokenizerFile = "tokenizer.json";

    /// <summary>Name of the tokenizer's settings.</summary>
    public const string TokenizerConfigFile = "tokenizer_config.json";

    /// <summary>Checks a folder and reads all but the weights. Where there is a manifest, every file it lists is verified.</summary>
    /// <param name="directory">The folder, or a GGUF file.</param>
    /// <exception cref="InvalidDataException">Something is missing, malformed or damaged; names the file and the remedy.</exception>
    public static (ModelConfig Config, BpeTokenizer Tokenizer) Open(string directory)
    {
        if (WeightFiles.IsGguf(directory))
        {
            using var file = GgufFile.Open(directory);
            return Matching(directory, GgufModel.Config(file), GgufTokenizer.Read(file));
        }

        if (!Directory.Exists(directory))
        {
            throw new InvalidDataException($"There is no checkpoint folder {directory}; give the folder that holds {ConfigFile}.");
        }

        CheckpointManifest.Read(directory)?.Verify(directory);
        return Matching(directory, HuggingFaceConfig.Read(Existing(directory, ConfigFile)), BpeTokenizer.Load(Existing(directory, TokenizerFile)));
    }

    /// <summary>Whether a file of a folder is its own: no link, or one inside the folder or into the place where Hugging Face's cache keeps the content of its folders.</summary>
    /// <param name="path">The file.</param>
    public static bool IsOwnFile(string path) => ShardIndex.LeadsTo(path) is null;

    /// <summary>Fills a model's tensors, converting to 32-bit floats.</summary>
    /// <param name="directory">The folder, or a GGUF file.</param>
    /// <param name="tensors">Names, shapes and the memory to fill: all tensors of <see cref="ModelConfig.Tensors"/>.</param>
    /// <exception cref="InvalidDataException">A file is missing, truncated or damaged, or its tensors are not the model's.</exception>
    public static void ReadWeights(string directory, IReadOnlyList<NamedTensor> tensors)
    {
        using var weights = WeightFiles.Open(directory);
        weights.Read(tensors);
    }

    /// <summary>Writes a folder: into a temporary one beside it, flushed to the disk, then renamed.</summary>
    /// <param name="directory">The folder; must not exist, since checkpoints never change.</param>
    /// <param name="config">The model's shape.</param>
    /// <param name="tensors">All tensors of the model, by name in any order.</param>
    /// <param name="tokenizer">Its tokenizer.</param>
    /// <param name="origin">Where it comes from; see <see cref="CheckpointManifest.Origin"/>.</param>
    /// <param name="type">Element type of the weights. Default: F32, so that nothing is lost.</param>
    /// <param name="like">A folder whose chat template, generation and tokenizer settings and other fields of <c>config.json</c> are carried over; null for none.</param>
    /// <exception cref="ArgumentException">The tensors are not those of the configuration.</exception>
    /// <exception cref="IOException">The folder exists already, or the disk refuses; nothing has changed.</exception>
    public static void Write(string directory, ModelConfig config, IReadOnlyList<NamedTensor> tensors, BpeTokenizer tokenizer, IReadOnlyDictionary<string, string> origin, TensorType type = TensorType.F32, string? like = null)
    {
        var companions = like is null ? Companions.None : Companions.Of(like);
        Write(directory, new CheckpointContent(config, [.. tensors.Select(TensorSource.From)], tokenizer, origin, companions), type, SafetensorsWriter.DefaultShardBytes, CancellationToken.None);
    }

    /// <summary>Writes a folder from tensors that are made row by row: into a temporary one beside it, flushed to the disk, then renamed.</summary>
    /// <param name="directory">The folder; must not exist, since checkpoints never change.</param>
    /// <param name="content">What goes into it.</param>
    /// <param name="type">Element type of the weights: F32, BF16 or F16.</param>
    /// <param name="shardBytes">Bytes of weights in one file before another is begun.</param>
    /// <param name="cancellationToken">Stops between parts of tensors and leaves nothing.</param>
    /// <exception cref="ArgumentException">The tensors are not those of the configuration.</exception>
    /// <exception cref="IOException">The folder exists already, or the disk refuses; nothing has changed.</exception>
    internal static void Write(string directory, CheckpointContent content, TensorType type, long shardBytes, CancellationToken cancellationToken)
    {
        var tensors = content.Ordered();
        AtomicFolder.Create(directory, temporary =>
        {
            var files = new Dictionary<string, FileFingerprint>(StringComparer.Ordinal);
            Add(ConfigFile, stream => stream.Write(Encoding.UTF8.GetBytes(HuggingFaceConfig.Write(content.Config, type, content.Companions.Config))));
            SafetensorsWriter.WriteModel(tensors, type, shardBytes, Add, cancellationToken);
            Add(TokenizerFile, content.Tokenizer.Save);
            foreach (var (name, bytes) in content.Companions.Files)
            {
                Add(name, stream => stream.Write(bytes));
            }

            if (!files.ContainsKey(TokenizerConfigFile))
            {
                Add(TokenizerConfigFile, stream => stream.Write(Encoding.UTF8.GetBytes(TokenizerConfig(content.Config))));
            }

            var manifest = new CheckpointManifest { Origin = content.Origin, Files = files }.Write();
            AtomicFile.WriteDurably(Path.Combine(temporary, CheckpointManifest.FileName), stream => stream.Write(Encoding.UTF8.GetBytes(manifest)));

            void Add(string name, Action<Stream> write)
            {
                cancellationToken.ThrowIfCancellationRequested();
                var path = Path.Combine(temporary, name);
                AtomicFile.WriteDurably(path, write);
                files.Add(name, FileFingerprint.Of(path));
            }
        });
    }

    private static (ModelConfig Config, BpeTokenizer Tokenizer) Matching(string source, ModelConfig config, BpeTokenizer tokenizer) =>
        tokenizer.VocabularySize <= config.VocabularySize
            ? (config, tokenizer)
            : throw new InvalidDataException($"{source}: the tokenizer has {tokenizer.VocabularySize} ids, but the model has {config.VocabularySize} embeddings; both must come from the same checkpoint.");

    // The generic class runs whatever tokenizer.json says, without assumptions of a model family's own.
    private static string TokenizerConfig(ModelConfig config) => new JsonObject
    {
        ["tokenizer_class"] = "PreTrainedTokenizerFast",
        ["clean_up_tokenization_spaces"] = false,
        ["model_max_length"] = config.MaxPositions,
    }.ToJsonString(new() { WriteIndented = true }) + "\n";

    private static string Existing(string directory, string name)
    {
        var path = Path.Combine(directory, name);
        return File.Exists(path) ? path : throw new InvalidDataException($"{path} is missing; copy it into the folder, which needs all files of the checkpoint.");
    }
}
