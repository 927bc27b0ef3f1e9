using System.Text;

namespace CoScientist.Training.Clusters;

/// <summary>Files that come with the program: what other trainers run, and the names of their settings.</summary>
internal static class ClusterFiles
{
    /// <summary>Python files that every trainer needs.</summary>
    public static IReadOnlyList<string> Common { get; } = ["coscientist_grading.py", "coscientist_grader.py"];

    /// <summary>Text of a file.</summary>
    public static string Read(string name)
    {
        using var stream = typeof(ClusterFiles).Assembly.GetManifestResourceStream(typeof(ClusterFiles), name)
            ?? throw new InvalidOperationException($"The file {name} is not part of the build.");
        using var reader = new StreamReader(stream, Encoding.UTF8);
        return reader.ReadToEnd().ReplaceLineEndings("\n");
    }
}
