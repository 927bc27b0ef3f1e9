using System.Text.Json;
using CoScientist.Core;

namespace CoScientist.Training.Checkpoints;

/// <summary><c>model.safetensors.index.json</c>: which shard holds which tensor.</summary>
internal static class ShardIndex
{
    private const int Deepest = 8;

    /// <summary>Reads and checks the map from tensors to file names.</summary>
    /// <param name="path">The index.</param>
    /// <exception cref="InvalidDataException">It is malformed, lists a tensor twice, or names a file that is not a plain name.</exception>
    public static Dictionary<string, string> Read(string path)
    {
        var map = new Dictionary<string, string>(StringComparer.Ordinal);
        try
        {
            using var document = JsonText.Parse(File.ReadAllBytes(path), Deepest);
            foreach (var entry in document.RootElement.GetProperty("weight_map").EnumerateObject())
            {
                if (!map.TryAdd(entry.Name, entry.Value.GetString() ?? ""))
                {
                    throw new InvalidDataException($"{path} lists tensor '{FileText.Shown(entry.Name)}' twice; copy it again.");
                }
            }
        }
        catch (Exception exception) when (exception is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw new InvalidDataException($"{path} has no valid \"weight_map\" from tensors to files; copy it again.", exception);
        }

        if (map.Count == 0)
        {
            throw new InvalidDataException($"{path} lists no tensors; copy it again.");
        }

        // A name with a path could point anywhere on this machine.
        return map.Values.FirstOrDefault(shard => !IsPlain(shard)) is { } odd
            ? throw new InvalidDataException($"{path} names the file '{FileText.Shown(odd)}', which is not inside the folder; copy the checkpoint again.")
            : map;
    }

    /// <summary>Refuses a link that leads out of the folder, but for the one place where Hugging Face's cache keeps the content of its folders.</summary>
    /// <param name="path">A file of the checkpoint.</param>
    /// <exception cref="InvalidDataException">It is a link to elsewhere.</exception>
    public static void CheckLink(string path)
    {
        if (LeadsTo(path) is { } elsewhere)
        {
            throw new InvalidDataException($"{path} is a link out of the folder, to {elsewhere}; put the file itself there.");
        }
    }

    /// <summary>Where a link out of the folder leads; null for files, and for links that a checkpoint may have.</summary>
    /// <param name="path">A file of the checkpoint.</param>
    public static string? LeadsTo(string path)
    {
        if (File.ResolveLinkTarget(path, returnFinalTarget: true) is not { } target)
        {
            return null;
        }

        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        var snapshots = Path.GetDirectoryName(folder);
        var cache = snapshots is not null && Path.GetFileName(snapshots) == "snapshots" ? Path.Combine(Path.GetDirectoryName(snapshots)!, "blobs") : folder;
        var holder = Path.GetDirectoryName(target.FullName);
        return holder == folder || holder == cache ? null : target.FullName;
    }

    private static bool IsPlain(string name) =>
        name.EndsWith(".safetensors", StringComparison.Ordinal) && name.All(character => char.IsAsciiLetterOrDigit(character) || character is '-' or '_' or '.') && !name.StartsWith('.');
}
