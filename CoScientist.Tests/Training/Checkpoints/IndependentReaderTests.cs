using System.Diagnostics;
using System.Text.Json.Nodes;
using CoScientist.Tests.Shared;
using CoScientist.Tests.Training.Model;
using CoScientist.Training.Checkpoints;
using CoScientist.Training.Engines;
using CoScientist.Training.Tokenization;

namespace CoScientist.Tests.Training.Checkpoints;

/// <summary>A checkpoint written here, read by a second reader that shares no code with the first and follows the published format.</summary>
public sealed class IndependentReaderTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData(TensorType.F32)]
    [InlineData(TensorType.BF16)]
    [InlineData(TensorType.F16)]
    public void Checkpoint_is_read_by_another_reader(TensorType type)
    {
        var config = ModelConfigTests.Tiny with { VocabularySize = 300 };
        using var engine = new CpuEngine(config, BpeTrainer.Train(["the aim is the aim"], 300, ["<end>"]));
        engine.Weights.Initialise(config, seed: 9);
        var directory = folder.File("model");
        var content = new CheckpointContent(config, [.. engine.Weights.Tensors().Select(TensorSource.From)], engine.Tokenizer, new Dictionary<string, string>(StringComparer.Ordinal), Companions.None);
        CheckpointFolder.Write(directory, content, type, shardBytes: 3000, TestContext.Current.CancellationToken);

        // The index leads to every tensor, as a loader that knows nothing else would go.
        var index = JsonNode.Parse(File.ReadAllText(Path.Combine(directory, "model.safetensors.index.json")))!;
        var map = index["weight_map"]!.AsObject();
        foreach (var tensor in engine.Weights.Tensors())
        {
            var (shape, values) = Read(Path.Combine(directory, (string)map[tensor.Name]!), tensor.Name);
            var tolerance = type switch { TensorType.F32 => 0, TensorType.F16 => 1.0 / 1024, _ => 1.0 / 256 };

            Assert.Equal(tensor.Shape, shape);
            Assert.All(values.Zip(tensor.Values.ToArray()), pair => Assert.True(Math.Abs(pair.First - pair.Second) <= (tolerance * Math.Abs(pair.Second)) + (tolerance * 1e-4)));
        }

        Assert.Equal(config.Tensors().Count(), map.Count);
    }

    [Theory]
    [InlineData(TensorType.F32, 1 << 20)]
    [InlineData(TensorType.BF16, 3000)]
    [InlineData(TensorType.F16, 3000)]
    public void Checkpoint_is_read_by_a_reader_in_another_language(TensorType type, long shardBytes)
    {
        var config = ModelFamilies.Shape("llama biased", ModelConfigTests.Tiny with { VocabularySize = 300 });
        using var engine = new CpuEngine(config, BpeTrainer.Train(["the aim is the aim"], 300, ["<end>"]));
        engine.Weights.Initialise(config, seed: 9);
        var directory = folder.File("model");
        var content = new CheckpointContent(config, [.. engine.Weights.Tensors().Select(TensorSource.From)], engine.Tokenizer, new Dictionary<string, string>(StringComparer.Ordinal), Companions.None);
        CheckpointFolder.Write(directory, content, type, shardBytes, TestContext.Current.CancellationToken);

        var read = Python(directory);

        Assert.Equal(config.Tensors().Select(tensor => tensor.Name).Order(StringComparer.Ordinal), read.Select(tensor => tensor.Key).Order(StringComparer.Ordinal));
        foreach (var tensor in engine.Weights.Tensors())
        {
            var (entry, values) = (read[tensor.Name]!, tensor.Values.ToArray());
            var tolerance = type switch { TensorType.F32 => 1e-7, TensorType.F16 => 1.0 / 1024, _ => 1.0 / 256 };
            var step = Math.Max(1, values.Length / 17);
            Assert.Equal(tensor.Shape, entry["shape"]!.AsArray().Select(extent => (int)extent!));
            Assert.Equal(values.Sum(value => (double)value), (double)entry["sum"]!, tolerance * values.Sum(value => Math.Abs((double)value)) + 1e-9);
            Assert.All(
                values.Where((_, at) => at % step == 0).Zip(entry["values"]!.AsArray(), (value, other) => (Value: (double)value, Other: (double)other!)),
                pair => Assert.Equal(pair.Value, pair.Other, (tolerance * Math.Abs(pair.Value)) + (tolerance * 1e-4)));
        }
    }

    /// <summary>What read_safetensors.py says of a folder.</summary>
    private static JsonObject Python(string directory)
    {
        var start = new ProcessStartInfo("python3") { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true };
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "Training", "Checkpoints", "read_safetensors.py"));
        start.ArgumentList.Add(directory);
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, error.GetAwaiter().GetResult());
        return JsonNode.Parse(output)!.AsObject();
    }

    /// <summary>Length of the header (8 bytes), header (JSON), then the data, to which offsets count.</summary>
    private static (int[] Shape, double[] Values) Read(string path, string name)
    {
        using var reader = new BinaryReader(File.OpenRead(path));
        var length = reader.ReadInt64();
        var entry = JsonNode.Parse(reader.ReadBytes((int)length))![name]!;
        var (begin, end) = ((long)entry["data_offsets"]![0]!, (long)entry["data_offsets"]![1]!);
        reader.BaseStream.Position = 8 + length + begin;
        var size = (string)entry["dtype"]! == "F32" ? 4 : 2;
        var values = new double[(end - begin) / size];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = (string)entry["dtype"]! switch
            {
                "F32" => reader.ReadSingle(),
                "F16" => (double)reader.ReadHalf(),
                _ => BitConverter.Int32BitsToSingle(reader.ReadUInt16() << 16),
            };
        }

        return ([.. entry["shape"]!.AsArray().Select(extent => (int)extent!)], values);
    }
}
