using System.Buffers.Binary;
using System.Text;
using CoScientist.Training.Checkpoints;
using CoScientist.Training.Tensors;

namespace CoScientist.Tests.Training.Checkpoints;

/// <summary>Weights from someone who means harm: an error of the known kind or a valid load, whatever the bytes.</summary>
public sealed class HostileFileTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Open_a_thousand_random_changes_load_or_are_refused()
    {
        var path = folder.File("good.safetensors");
        SafetensorsFile.Write(path, [new("model.norm.weight", [4], new float[] { 1, 2, 3, 4 }), new("x", [2, 3], new float[6]), new("empty", [0, 2], Memory<float>.Empty)]);
        Mutations.Check(folder, File.ReadAllBytes(path), seed: 11, changed =>
        {
            using var file = SafetensorsFile.Open(changed);
            foreach (var tensor in file.Tensors)
            {
                var values = new float[tensor.Spec.Count];
                if (tensor.Type is not null)
                {
                    tensor.Read(0, values);
                }
            }
        });
    }

    [Fact]
    public void Open_deep_JSON_is_refused()
    {
        var message = Fault(string.Concat(Enumerable.Repeat("{\"a\":", 100)) + "1" + new string('}', 100));

        Assert.Contains("its header is not JSON", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"dtype":"F16"}}""")]
    [InlineData("""{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"strides":[1]}}""")]
    [InlineData("""{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,99999999999999999999]}}""")]
    [InlineData("""{"x":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}}""")]
    public void Open_entry_with_other_fields_names_the_tensor(string header) =>
        Assert.Contains("tensor 'x' has no valid dtype, shape and data_offsets", Fault(header), StringComparison.Ordinal);

    [Fact]
    public void Open_many_dimensions_are_refused() =>
        Assert.Contains("has 9 dimensions", Fault("""{"x":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,4]}}"""), StringComparison.Ordinal);

    [Theory]
    [InlineData("\"\\ud800\"")]
    [InlineData("\"\u0000\"")]
    public void Open_name_that_is_no_text_is_refused(string name) =>
        Assert.Contains("is not JSON", Fault("{" + name + ":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}"), StringComparison.Ordinal);

    [Fact]
    public void Open_name_with_control_characters_is_shown_harmlessly()
    {
        var message = Fault("{\"a\\u001b[2Jb\\n" + new string('c', 500) + "\":7}");

        Assert.Contains("tensor 'a\\u{1B}[2Jb\\u{A}ccc", message, StringComparison.Ordinal);
        Assert.True(message.Length < 500);
        Assert.DoesNotContain(message, character => char.IsControl(character));
    }

    [Fact]
    public void Row_far_into_a_large_file_is_found()
    {
        // Sparse: 3 GB of nothing but its last row.
        const int Rows = 750_000;
        var header = Encoding.UTF8.GetBytes($$$"""{"x":{"dtype":"BF16","shape":[{{{Rows}}},2048],"data_offsets":[0,{{{Rows * 4096L}}}]}}""");
        var path = folder.File("large.safetensors");
        using (var stream = File.Create(path))
        {
            stream.Write(Prefix(header));
            stream.Write(header);
            stream.SetLength(8 + header.Length + (Rows * 4096L));
            stream.Seek(-2, SeekOrigin.End);
            stream.Write([0x80, 0x3F]);
        }

        using var file = SafetensorsFile.Open(path);
        var row = new float[2048];
        file.Tensors[0].Read(Rows - 1, row);

        Assert.Equal(1f, row[^1]);
        Assert.Equal(0f, row[0]);
        Assert.Equal([0x80, 0x3F], file.Tensors[0].Row(Rows - 1)[^2..].ToArray());
        Assert.Throws<ArgumentOutOfRangeException>(() => file.Tensors[0].Row(Rows));
    }

    [Fact]
    public void Row_after_closing_is_refused()
    {
        var path = folder.File("w.safetensors");
        SafetensorsFile.Write(path, [new("x", [1], new float[1])]);
        var file = SafetensorsFile.Open(path);
        file.Dispose();

        Assert.Throws<ObjectDisposedException>(() => file.Tensors[0].Row(0).Length);
    }

    [Theory]
    [InlineData("/etc/model.safetensors")]
    [InlineData("..\\\\model.safetensors")]
    [InlineData("sub/model.safetensors")]
    [InlineData(".hidden.safetensors")]
    [InlineData("model.bin")]
    [InlineData("a\\u0000.safetensors")]
    public void Open_index_with_a_name_that_is_no_plain_file_is_refused(string shard)
    {
        File.WriteAllText(folder.File(WeightFiles.IndexFile), $$$"""{"weight_map":{"x":"{{{shard}}}"}}""");

        Assert.Contains("which is not inside the folder", Assert.Throws<InvalidDataException>(() => WeightFiles.Open(folder.Path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_index_with_a_tensor_twice_is_refused()
    {
        File.WriteAllText(folder.File(WeightFiles.IndexFile), """{"weight_map":{"x":"a.safetensors","x":"b.safetensors"}}""");

        Assert.Contains("lists tensor 'x' twice", Assert.Throws<InvalidDataException>(() => WeightFiles.Open(folder.Path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_link_out_of_the_folder_is_refused_and_one_within_a_cache_is_followed()
    {
        var blobs = Directory.CreateDirectory(folder.File("blobs"));
        var snapshot = Directory.CreateDirectory(Path.Combine(folder.Path, "snapshots", "0123"));
        var elsewhere = Directory.CreateDirectory(folder.File("elsewhere"));
        var blob = Path.Combine(blobs.FullName, "abcd");
        SafetensorsFile.Write(blob, [new("x", [1], new float[1])]);
        File.CreateSymbolicLink(Path.Combine(snapshot.FullName, WeightFiles.SingleFile), "../../blobs/abcd");
        File.CreateSymbolicLink(Path.Combine(elsewhere.FullName, WeightFiles.SingleFile), blob);

        using (var weights = WeightFiles.Open(snapshot.FullName))
        {
            Assert.Single(weights.Tensors);
        }

        Assert.Contains("is a link out of the folder", Assert.Throws<InvalidDataException>(() => WeightFiles.Open(elsewhere.FullName)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Check_whole_numbers_beside_the_weights_are_left_aside()
    {
        var header = Encoding.UTF8.GetBytes("""{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"mask":{"dtype":"BOOL","shape":[4],"data_offsets":[4,8]}}""");
        File.WriteAllBytes(folder.File(WeightFiles.SingleFile), [.. Prefix(header), .. header, .. new byte[8]]);

        using var weights = WeightFiles.Open(folder.Path);
        weights.Check([new TensorSpec("x", [1])]);

        Assert.Equal(["F32", "BOOL"], weights.Tensors.Select(tensor => tensor.TypeName));
    }

    private static byte[] Prefix(byte[] header)
    {
        var prefix = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(prefix, header.Length);
        return prefix;
    }

    private string Fault(string header)
    {
        var json = Encoding.UTF8.GetBytes(header);
        var path = folder.File("raw.safetensors");
        File.WriteAllBytes(path, [.. Prefix(json), .. json, .. new byte[4]]);
        return Assert.Throws<InvalidDataException>(() => SafetensorsFile.Open(path)).Message;
    }
}
