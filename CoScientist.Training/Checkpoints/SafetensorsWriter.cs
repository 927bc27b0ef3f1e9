using System.Buffers.Binary;
using System.Text.Json;
using System.Text.Json.Nodes;
using CoScientist.Core.Storage;

namespace CoScientist.Training.Checkpoints;

/// <summary>Writes safetensors files: one, or shards with their index.</summary>
internal static class SafetensorsWriter
{
    /// <summary>Bytes of weights in a file before another is begun, as Hugging Face's library does: 5 GB.</summary>
    public const long DefaultShardBytes = 5_000_000_000;

    /// <summary>Writes a model's weights into a folder that is still being made: <c>model.safetensors</c>, or shards and their index.</summary>
    /// <param name="tensors">All tensors, in file order.</param>
    /// <param name="type">Element type of all.</param>
    /// <param name="shardBytes">Bytes of weights a file may hold; a larger tensor has one of its own.</param>
    /// <param name="add">Makes a file of the given name.</param>
    /// <param name="cancellationToken">Stops between parts of tensors.</param>
    public static void WriteModel(IReadOnlyList<TensorSource> tensors, TensorType type, long shardBytes, Action<string, Action<Stream>> add, CancellationToken cancellationToken)
    {
        var shards = Shards(tensors, type, shardBytes);
        if (shards.Count == 1)
        {
            add(WeightFiles.SingleFile, stream => Write(stream, tensors, type, cancellationToken));
            return;
        }

        var map = new JsonObject();
        for (var i = 0; i < shards.Count; i++)
        {
            var (name, shard) = ($"model-{i + 1:00000}-of-{shards.Count:00000}.safetensors", shards[i]);
            add(name, stream => Write(stream, shard, type, cancellationToken));
            shard.ForEach(tensor => map.Add(tensor.Spec.Name, name));
        }

        var index = new JsonObject
        {
            ["metadata"] = new JsonObject { ["total_size"] = tensors.Sum(tensor => type.ByteCount(tensor.Spec.Count)) },
            ["weight_map"] = map,
        };
        add(WeightFiles.IndexFile, stream => JsonSerializer.Serialize(stream, index, new JsonSerializerOptions { WriteIndented = true }));
    }

    /// <summary>Writes a file's content.</summary>
    /// <exception cref="ArgumentException">Two tensors have one name, or the type is not one of safetensors.</exception>
    public static void Write(Stream stream, IReadOnlyList<TensorSource> tensors, TensorType type, CancellationToken cancellationToken)
    {
        if (type is not (TensorType.F32 or TensorType.BF16 or TensorType.F16))
        {
            throw new ArgumentException($"A safetensors file is written as F32, BF16 or F16, not as {type}.", nameof(type));
        }

        var header = Header(tensors, type);
        Span<byte> prefix = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(prefix, (ulong)header.Length);
        stream.Write(prefix);
        stream.Write(header);
        foreach (var tensor in tensors)
        {
            tensor.Write(stream, type, cancellationToken);
        }
    }

    private static List<List<TensorSource>> Shards(IReadOnlyList<TensorSource> tensors, TensorType type, long shardBytes)
    {
        var shards = new List<List<TensorSource>> { new() };
        var size = 0L;
        foreach (var tensor in tensors)
        {
            var bytes = type.ByteCount(tensor.Spec.Count);
            if (size > 0 && size + bytes > shardBytes)
            {
                shards.Add([]);
                size = 0;
            }

            shards[^1].Add(tensor);
            size += bytes;
        }

        return shards;
    }

    private static byte[] Header(IReadOnlyList<TensorSource> tensors, TensorType type)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
        {
            json.WriteStartObject();

            // Hugging Face's loader refuses files that do not say which framework's conventions they follow.
            json.WriteStartObject("__metadata__");
            json.WriteString("format", "pt");
            json.WriteEndObject();
            var names = new HashSet<string>(StringComparer.Ordinal) { "__metadata__" };
            var position = 0L;
            foreach (var (spec, _) in tensors)
            {
                if (!names.Add(spec.Name))
                {
                    throw new ArgumentException($"Two tensors are named '{spec.Name}'.", nameof(tensors));
                }

                json.WriteStartObject(spec.Name);
                json.WriteString("dtype", type.ToString());
                json.WriteStartArray("shape");
                foreach (var extent in spec.Shape)
                {
                    json.WriteNumberValue(extent);
                }

                json.WriteEndArray();
                json.WriteStartArray("data_offsets");
                json.WriteNumberValue(position);
                json.WriteNumberValue(position += type.ByteCount(spec.Count));
                json.WriteEndArray();
                json.WriteEndObject();
            }

            json.WriteEndObject();
        }

        // Padded with spaces, so that the data starts at a multiple of 8 and can be mapped.
        while (stream.Length % 8 != 0)
        {
            stream.WriteByte((byte)' ');
        }

        return stream.ToArray();
    }
}
