using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;
using CoScientist.Core;

namespace CoScientist.Training.Checkpoints;

/// <summary>Length and hash of a file, as written.</summary>
/// <param name="Bytes">Length in bytes.</param>
/// <param name="Sha256">SHA-256, lower-case hexadecimal.</param>
public sealed record FileFingerprint(long Bytes, string Sha256)
{
    /// <summary>Reads the file through.</summary>
    /// <param name="path">The file.</param>
    public static FileFingerprint Of(string path)
    {
        using var stream = File.OpenRead(path);
        return new FileFingerprint(stream.Length, Convert.ToHexStringLower(SHA256.HashData(stream)));
    }
}

/// <summary><c>manifest.json</c> of a checkpoint: where it comes from, and what its files must be.</summary>
public sealed record CheckpointManifest
{
    /// <summary>Name of the file.</summary>
    public const string FileName = "manifest.json";

    /// <summary>Version of this schema.</summary>
    public const int CurrentVersion = 1;

    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    };

    /// <summary>Schema version.</summary>
    public int Version { get; init; } = CurrentVersion;

    /// <summary>Where it comes from, by name: "run", "step", "parent", "rubrics" (fingerprint of the rubric versions), metrics such as "judge/score".</summary>
    public required IReadOnlyDictionary<string, string> Origin { get; init; }

    /// <summary>The files that belong to it, by name inside the folder.</summary>
    public required IReadOnlyDictionary<string, FileFingerprint> Files { get; init; }

    /// <summary>The manifest of a folder; null where there is none, as in folders from elsewhere.</summary>
    /// <param name="directory">The checkpoint's folder.</param>
    /// <exception cref="InvalidDataException">It is malformed.</exception>
    public static CheckpointManifest? Read(string directory)
    {
        var path = Path.Combine(directory, FileName);
        if (!File.Exists(path))
        {
            return null;
        }

        try
        {
            var manifest = JsonText.Deserialize<CheckpointManifest>(File.ReadAllBytes(path), Json);
            if (manifest is { Version: CurrentVersion, Origin: not null, Files: not null }
                && manifest.Files.All(file => file.Key == Path.GetFileName(file.Key) && file.Value is not null))
            {
                return manifest;
            }
        }
        catch (JsonException exception)
        {
            throw new InvalidDataException($"{path} is malformed ({exception.Message}) Copy the folder again, or use another checkpoint.", exception);
        }

        throw new InvalidDataException($"{path} is not a manifest of version {CurrentVersion}. Copy the folder again, or use another checkpoint.");
    }

    /// <summary>Compares the files of a folder with the manifest.</summary>
    /// <param name="directory">The checkpoint's folder.</param>
    /// <exception cref="InvalidDataException">A file is missing or differs; names the first.</exception>
    public void Verify(string directory)
    {
        foreach (var (name, expected) in Files)
        {
            var path = Path.Combine(directory, name);
            if (!File.Exists(path))
            {
                throw new InvalidDataException($"{path} is missing, though {FileName} lists it. Copy the folder again, or use another checkpoint.");
            }

            if (FileFingerprint.Of(path) is var actual && actual != expected)
            {
                throw new InvalidDataException(actual.Bytes < expected.Bytes
                    ? $"{path} has {actual.Bytes} of {expected.Bytes} bytes; the file is truncated: copy it again."
                    : $"{path} is not the file that {FileName} describes (another SHA-256): it was damaged or changed. Copy the folder again, or use another checkpoint.");
            }
        }
    }

    internal string Write() => JsonSerializer.Serialize(this, Json) + "\n";
}
