using CoScientist.Training.Checkpoints;
using CoScientist.Training.Checkpoints.Gguf;
using CoScientist.Training.Engines;
using CoScientist.Training.Kernels.Mixed;

namespace CoScientist.Tests.Training.Checkpoints.Gguf;

/// <content>Files in several parts.</content>
public sealed partial class GgufTests
{
    [Fact]
    public void Load_split_file_gives_the_logits_of_the_whole()
    {
        var whole = folder.File("model.gguf");
        ModelConversion.Convert(Saved("llama"), whole, TensorType.F32, adapter: null, progress: null, TestContext.Current.CancellationToken);
        var first = Split(whole, 3)[0];

        using var expected = CpuEngine.Load(whole);
        using var actual = CpuEngine.Load(first);
        using var read = CpuEngine.LoadReadOnly(first, Precision.Single);

        Assert.Equal(expected.Config, actual.Config);
        Assert.Equal(expected.Logits([5, 9, 40], 0), actual.Logits([5, 9, 40], 0));
        Assert.Equal(expected.Logits([5, 9, 40], 0), read.Logits([5, 9, 40], 0));
    }

    [Fact]
    public void Load_split_file_with_a_fault_names_the_part_and_the_remedy()
    {
        var whole = folder.File("model.gguf");
        ModelConversion.Convert(Saved("qwen3"), whole, TensorType.F32, adapter: null, progress: null, TestContext.Current.CancellationToken);
        var parts = Split(whole, 3);

        Refused(parts[1], parts[1], "it is part 2 of 3; give the first, whose name ends in -00001-of-00003.gguf");
        var renamed = folder.File("renamed.gguf");
        File.Copy(parts[0], renamed);
        Refused(renamed, renamed, "give the first, whose name ends in -00001-of-00003.gguf");

        var (second, third) = (File.ReadAllBytes(parts[1]), File.ReadAllBytes(parts[2]));
        File.WriteAllBytes(parts[1], third);
        Refused(parts[0], parts[1], "it does not say that it is part 2 of 3; copy all parts again");
        File.Delete(parts[1]);
        Refused(parts[0], parts[0], $"its part {parts[1]} is missing; copy all 3 parts into one folder");

        File.WriteAllBytes(parts[1], second);
        Split(whole, 3, last => last.Take(last.Length - 1));
        Refused(parts[0], parts[0], "tensors, and they hold");
        Split(whole, 3, last => last.Append("token_embd.weight"));
        Refused(parts[0], parts[2], "tensor 'token_embd.weight' is in an earlier part too");

        static void Refused(string given, string named, string reason)
        {
            var message = Assert.Throws<InvalidDataException>(() => CpuEngine.Load(given)).Message;
            Assert.StartsWith(named + ": ", message, StringComparison.Ordinal);
            Assert.Contains(reason, message, StringComparison.Ordinal);
        }
    }

    /// <summary>Writes a file again in parts, as llama.cpp's gguf-split does: all metadata in the first, a third of the tensors in each.</summary>
    private static string[] Split(string path, int count, Func<string[], IEnumerable<string>>? changeLast = null)
    {
        using var file = GgufFile.Open(path);
        var names = file.Tensors.Select(tensor => tensor.Spec.Name).ToArray();
        var size = (names.Length + count - 1) / count;
        var paths = Enumerable.Range(1, count).Select(number => $"{path[..^GgufFile.Extension.Length]}-{number:D5}-of-{count:D5}.gguf").ToArray();
        for (var part = 0; part < count; part++)
        {
            var own = names.Skip(part * size).Take(size).ToArray();
            own = part == count - 1 && changeLast is not null ? [.. changeLast(own)] : own;
            var head = new GgufHead();
            head.Add("split.no", part);
            head.Add("split.count", count);
            head.Add("split.tensors.count", names.Length);
            foreach (var (key, value) in part == 0 ? file.Metadata : new Dictionary<string, object>(StringComparer.Ordinal))
            {
                Action add = value switch
                {
                    long number => () => head.Add(key, (int)number),
                    double number => () => head.Add(key, number),
                    bool truth => () => head.Add(key, truth),
                    string text => () => head.Add(key, text),
                    string[] texts => () => head.Add(key, texts),
                    long[] numbers => () => head.Add(key, Array.ConvertAll(numbers, number => (int)number)),
                    _ => throw new InvalidOperationException(key),
                };
                add();
            }

            var tensors = own.Select(name => file.Tensors.First(tensor => tensor.Spec.Name == name)).ToArray();
            foreach (var tensor in tensors)
            {
                head.AddTensor(tensor.Spec.Name, tensor.Spec.Shape, tensor.Type!.Value, tensor.ByteCount);
            }

            using var stream = File.Create(paths[part]);
            head.Write(stream);
            foreach (var tensor in tensors)
            {
                for (var row = 0L; row < tensor.Rows; row++)
                {
                    stream.Write(tensor.Row(row));
                }

                GgufHead.Pad(stream, tensor.ByteCount);
            }
        }

        return paths;
    }
}
